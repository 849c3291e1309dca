#include "model/index_params.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

namespace cdc {
namespace {

constexpr std::string_view kParams = "params";
constexpr const char* kAutoIndex = "AUTOINDEX";

// Keys that do not matter for equality: copies of data stored elsewhere, and a storage option.
constexpr std::array<std::string_view, 4> kIgnored = {"mmap.enabled", "index_name", "field_name",
                                                      "dim"};

std::string Upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

// The members of a JSON object as text; nullopt if `text` is not an object, or is nested so deeply
// that the library, which is recursive, could overflow the stack while writing it.
std::optional<std::map<std::string, std::string>> MembersOf(const std::string& text) {
  constexpr int kMaxDepth = 64;
  bool too_deep = false;
  const auto limit = [&too_deep](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    too_deep = too_deep || depth > kMaxDepth;
    return !too_deep;
  };
  const auto json = nlohmann::json::parse(text, limit, /*allow_exceptions=*/false);
  if (too_deep || !json.is_object()) {
    return std::nullopt;
  }
  std::map<std::string, std::string> members;
  for (const auto& [key, value] : json.items()) {
    members[key] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return members;
}

std::map<std::string, std::string> Normalize(const std::vector<KeyValue>& params) {
  std::map<std::string, std::string> flat = FlattenIndexParams(params);
  for (const std::string_view key : kIgnored) {
    flat.erase(std::string(key));
  }
  for (const char* key : {kIndexType, "metric_type"}) {
    const auto found = flat.find(key);
    if (found != flat.end()) {
      found->second = Upper(found->second);
    }
  }
  // Milvus Lite reports a metric for the index of a scalar field.
  const auto metric = flat.find("metric_type");
  if (metric != flat.end() && (metric->second == "NONE" || metric->second.empty())) {
    flat.erase(metric);
  }
  return flat;
}

}  // namespace

std::map<std::string, std::string> FlattenIndexParams(const std::vector<KeyValue>& params) {
  std::map<std::string, std::string> flat;
  for (const KeyValue& param : params) {
    if (param.key != kParams) {
      flat[param.key] = param.value;
      continue;
    }
    const auto members = MembersOf(param.value);
    if (!members) {
      flat[param.key] = param.value;
      continue;
    }
    for (const auto& [key, value] : *members) {
      flat[key] = value;
    }
  }
  return flat;
}

bool SameIndexParams(const std::vector<KeyValue>& wanted, const std::vector<KeyValue>& actual) {
  const auto normal_wanted = Normalize(wanted);
  auto normal_actual = Normalize(actual);
  if (!normal_wanted.contains(kIndexType)) {
    // Milvus then shows no type; Milvus Lite has to be given one.
    const auto type = normal_actual.find(kIndexType);
    if (type != normal_actual.end() &&
        (type->second == kAutoIndex || type->second == kScalarIndexOfLite)) {
      normal_actual.erase(type);
    }
  }
  return normal_wanted == normal_actual;
}

}  // namespace cdc
