#include "api/request_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>
#include <strings.h>

namespace cdc {
namespace {

using Json = nlohmann::json;

// Error texts quote values; nested ones only up to these limits.
constexpr int kMaxShownDepth = 8;
constexpr size_t kMaxShownBytes = 256;

// Type names and values as existing clients know them, from Go.
const char* TypeName(const Json& value) {
  switch (value.type()) {
    case Json::value_t::string: return "string";
    case Json::value_t::boolean: return "bool";
    case Json::value_t::object: return "map[string]interface {}";
    case Json::value_t::array: return "[]interface {}";
    default: return "float64";
  }
}

const char* KindName(const Json& value) {
  switch (value.type()) {
    case Json::value_t::object: return "map";
    case Json::value_t::array: return "slice";
    default: return TypeName(value);
  }
}

std::string ShowNumber(double number) {
  // Like Go's %v: scientific only for very small and very large numbers.
  const double magnitude = std::fabs(number);
  const bool scientific = magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e21);
  std::array<char, 64> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), number,
                    scientific ? std::chars_format::scientific : std::chars_format::fixed);
  return {text.data(), end.ptr};
}

void Show(const Json& value, int depth, std::string* out) {
  if (depth > kMaxShownDepth || out->size() > kMaxShownBytes) {
    *out += "…";
  } else if (value.is_string()) {
    *out += value.get_ref<const std::string&>();
  } else if (value.is_boolean()) {
    *out += value.get<bool>() ? "true" : "false";
  } else if (value.is_number()) {
    *out += ShowNumber(value.get<double>());
  } else if (value.is_array()) {
    *out += "[";
    for (size_t i = 0; i < value.size() && out->size() <= kMaxShownBytes; ++i) {
      *out += i == 0 ? "" : " ";
      Show(value[i], depth + 1, out);
    }
    *out += "]";
  } else if (value.is_object()) {
    *out += "map[";
    bool first = true;
    for (const auto& [key, member] : value.items()) {
      *out += (first ? "" : " ") + key + ":";
      first = false;
      Show(member, depth + 1, out);
    }
    *out += "]";
  } else {
    *out += "<nil>";
  }
}

// 3.0 is an integer for JSON.
bool IsIntegerOf(const Json& value, double min, double max) {
  const double number = value.get<double>();
  return number == std::trunc(number) && number >= min && number <= max;
}

bool MayHoldSecret(const Json& value) { return value.is_structured(); }

}  // namespace

const Json* FindMember(const Json& object, const std::string& key) {
  if (!object.is_object()) {
    return nullptr;
  }
  auto found = object.find(key);
  if (found == object.end()) {
    for (found = object.begin(); found != object.end(); ++found) {
      if (strcasecmp(found.key().c_str(), key.c_str()) == 0) {
        break;
      }
    }
  }
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

const Json* RequestReader::Find(const char* key) const {
  if (reading_ == Reading::kLenient) {
    return FindMember(object_, key);
  }
  known_.insert(key);
  const auto found = object_.find(key);
  return found == object_.end() ? nullptr : &*found;
}

const Json* RequestReader::FindMap(const char* key) const {
  const Json* found = Find(key);
  if (found != nullptr && !found->is_object()) {
    WrongKind(PathOf(key), "map", *found);
    return nullptr;
  }
  return found;
}

bool RequestReader::IsNothing(const Json& element) const {
  return element.is_null() && reading_ == Reading::kLenient;
}

void RequestReader::ReportUnknown() const {
  if (reading_ == Reading::kLenient) {
    return;
  }
  for (const auto& [key, value] : object_.items()) {
    if (!known_.contains(key)) {
      errors_->push_back({PathOf(key.c_str()), "is not known here"});
    }
  }
}

std::string RequestReader::PathOf(const char* key) const {
  return path_.empty() ? key : path_ + "." + key;
}

void RequestReader::WrongType(const std::string& path,
                              const char* expected,
                              const Json& value,
                              bool secret) const {
  std::string shown;
  // An object in place of a string may contain a token.
  if (secret || MayHoldSecret(value)) {
    shown = "…";
  } else {
    Show(value, 0, &shown);
  }
  errors_->push_back({path, "expected type '" + std::string(expected) +
                                "', got unconvertible type '" + TypeName(value) + "', value: '" +
                                shown + "'"});
}

void RequestReader::WrongKind(const std::string& path,
                              const char* expected,
                              const Json& value) const {
  errors_->push_back(
      {path, "expected a " + std::string(expected) + ", got '" + KindName(value) + "'"});
}

void RequestReader::WrongList(const std::string& path, const Json& value) const {
  errors_->push_back(
      {path, "source data must be an array or slice, got " + std::string(KindName(value)), ": "});
}

void RequestReader::Read(const char* key, std::string* value) const {
  const Json* found = Find(key);
  if (found == nullptr) {
    return;
  }
  if (!found->is_string()) {
    WrongType(PathOf(key), "string", *found);
    return;
  }
  *value = found->get<std::string>();
}

void RequestReader::ReadSecret(const char* key, std::string* value) const {
  const Json* found = Find(key);
  if (found != nullptr && !found->is_string()) {
    WrongType(PathOf(key), "string", *found, true);
    return;
  }
  Read(key, value);
}

void RequestReader::Read(const char* key, int* value) const {
  const Json* found = Find(key);
  if (found == nullptr) {
    return;
  }
  constexpr double kMin = std::numeric_limits<int>::min();
  constexpr double kMax = std::numeric_limits<int>::max();
  if (!found->is_number() || (reading_ == Reading::kStrict && !IsIntegerOf(*found, kMin, kMax))) {
    WrongType(PathOf(key), "int", *found);
    return;
  }
  *value = static_cast<int>(std::clamp(std::trunc(found->get<double>()), kMin, kMax));
}

void RequestReader::Read(const char* key, int* value, int min, int max) const {
  Read(key, value);
  if (reading_ == Reading::kStrict && (*value < min || *value > max)) {
    errors_->push_back(
        {PathOf(key), "must be from " + std::to_string(min) + " to " + std::to_string(max)});
  }
}

void RequestReader::Read(const char* key, bool* value) const {
  const Json* found = Find(key);
  if (found == nullptr) {
    return;
  }
  if (!found->is_boolean()) {
    WrongType(PathOf(key), "bool", *found);
    return;
  }
  *value = found->get<bool>();
}

void RequestReader::ReadTime(const char* key, std::string* value) const {
  const Json* found = Find(key);
  if (found == nullptr) {
    return;
  }
  if (found->is_number_unsigned()) {
    *value = std::to_string(found->get<uint64_t>());
  } else if (found->is_string()) {
    *value = found->get<std::string>();
  } else {
    WrongType(PathOf(key), "time", *found);
  }
}

void RequestReader::Read(const char* key, std::map<std::string, std::string>* value) const {
  const Json* found = FindMap(key);
  if (found == nullptr) {
    return;
  }
  for (const auto& [name, member] : found->items()) {
    if (member.is_string()) {
      (*value)[name] = member.get<std::string>();
    } else if (IsNothing(member)) {
      (*value)[name] = "";
    } else {
      WrongType(PathOf(key) + "[" + name + "]", "string", member);
    }
  }
}

void RequestReader::Read(const char* key,
                         std::map<std::string, std::map<std::string, std::string>>* value) const {
  const Json* found = FindMap(key);
  if (found == nullptr) {
    return;
  }
  const RequestReader inner(*found, PathOf(key), errors_, reading_);
  for (const auto& [name, member] : found->items()) {
    inner.Read(name.c_str(), &(*value)[name]);
  }
}

void RequestReader::Read(const char* key, std::vector<std::string>* value) const {
  const Json* found = Find(key);
  if (found == nullptr) {
    return;
  }
  if (!found->is_array()) {
    WrongList(PathOf(key), *found);
    return;
  }
  for (size_t i = 0; i < found->size(); ++i) {
    const Json& element = (*found)[i];
    if (!element.is_string() && !IsNothing(element)) {
      WrongType(PathOf(key) + "[" + std::to_string(i) + "]", "string", element);
      continue;
    }
    value->push_back(element.is_null() ? "" : element.get<std::string>());
  }
}

void RequestReader::Object(const char* key,
                           const std::function<void(const RequestReader&)>& visit) const {
  const Json* found = FindMap(key);
  if (found == nullptr) {
    return;
  }
  const RequestReader reader(*found, PathOf(key), errors_, reading_);
  visit(reader);
  reader.ReportUnknown();
}

void RequestReader::Elements(const Json& list,
                             const std::string& path,
                             const VisitElement& visit) const {
  if (!list.is_array()) {
    WrongList(path, list);
    return;
  }
  const Json empty = Json::object();
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string element = path + "[" + std::to_string(i) + "]";
    if (!list[i].is_object() && !IsNothing(list[i])) {
      WrongKind(element, "map", list[i]);
      continue;
    }
    const RequestReader reader(list[i].is_null() ? empty : list[i], element, errors_, reading_);
    visit(reader);
    reader.ReportUnknown();
  }
}

void RequestReader::List(const char* key, const VisitElement& visit) const {
  const Json* found = Find(key);
  if (found != nullptr) {
    Elements(*found, PathOf(key), visit);
  }
}

void RequestReader::MapOfLists(const char* key,
                               const std::function<void(const std::string&)>& begin,
                               const VisitElement& visit) const {
  const Json* found = FindMap(key);
  if (found == nullptr) {
    return;
  }
  for (const auto& [name, list] : found->items()) {
    begin(name);
    if (!IsNothing(list)) {
      Elements(list, PathOf(key) + "[" + name + "]", visit);
    }
  }
}

Status DecodeErrors(const std::vector<FieldError>& errors) {
  if (errors.empty()) {
    return OkStatus();
  }
  std::vector<std::string> texts;
  for (const FieldError& error : errors) {
    texts.push_back(error.ToString());
  }
  std::sort(texts.begin(), texts.end());
  std::string text = std::to_string(texts.size()) + " error(s) decoding:\n";
  for (const std::string& each : texts) {
    text += "\n* " + each;
  }
  return InvalidArgumentError(std::move(text));
}

}  // namespace cdc
