#include "server/config_values.h"

#include <algorithm>
#include <utility>

#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include "server/config_keys.h"

namespace cdc {
namespace {

bool IsPlain(std::string_view text) {
  const auto is_safe = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._/-:").find(c) != std::string_view::npos;
  };
  return !text.empty() && text.front() != '-' && text.front() != ':' && text.back() != ':' &&
         !SameConfigKey(text, "null") && std::all_of(text.begin(), text.end(), is_safe);
}

}  // namespace

std::string QuoteForYaml(std::string_view text) {
  if (IsPlain(text)) {
    return std::string(text);
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      quoted += std::string("\\x") + kHex[byte >> 4U] + kHex[byte & 0xfU];
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

Environment ProcessEnvironment() {
  Environment environment;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos) {
      environment.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return environment;
}

const ConfigValue* ConfigValues::Find(std::string_view path) const {
  CDC_CHECK(FindConfigKey(path) != nullptr);
  const auto found = values_.find(InLowerCase(path));
  return found == values_.end() ? nullptr : &found->second;
}

const ConfigValue* ConfigValues::Use(std::string_view path, std::string default_value) {
  read_.emplace(InLowerCase(path), std::move(default_value));
  return Find(path);
}

void ConfigValues::Read(std::string_view path, std::string* value) {
  if (const ConfigValue* const given = Use(path, QuoteForYaml(*value))) {
    *value = given->text;
  }
}

void ConfigValues::Read(std::string_view path, int* value) { ReadInteger(path, value); }
void ConfigValues::Read(std::string_view path, int64_t* value) { ReadInteger(path, value); }

void ConfigValues::Read(std::string_view path, bool* value) {
  const ConfigValue* const given = Use(path, *value ? "true" : "false");
  if (given != nullptr &&
      (given->quoted || !YAML::convert<bool>::decode(YAML::Node(given->text), *value))) {
    Fail(path, Requirement(ConfigKeyType::kBool));
  }
}

void ConfigValues::Read(std::string_view path, std::map<std::string, std::string>* value) {
  CDC_CHECK(value->empty());
  if (const ConfigValue* const given = Use(path, "{}")) {
    *value = given->map;
  }
}

void ConfigValues::Read(std::string_view path, std::vector<std::string>* value) {
  std::string default_value;
  for (const std::string& element : *value) {
    default_value += (default_value.empty() ? "" : ", ") + QuoteForYaml(element);
  }
  if (const ConfigValue* const given = Use(path, "[" + default_value + "]")) {
    *value = given->list;
  }
}

template <class Integer>
void ConfigValues::ReadInteger(std::string_view path, Integer* value) {
  const ConfigValue* const given = Use(path, std::to_string(*value));
  if (given != nullptr &&
      (given->quoted || !YAML::convert<Integer>::decode(YAML::Node(given->text), *value))) {
    Fail(path, Requirement(ConfigKeyType::kInteger));
  }
}

std::string ConfigValues::Message(std::string_view path, std::string_view message) const {
  const ConfigValue* const given = Find(path);
  return (given == nullptr ? name_ : given->place) + ": " + std::string(path) +
         (message.starts_with(':') ? "" : " ") + std::string(message);
}

void ConfigValues::Fail(std::string_view path, std::string_view message) {
  errors_.push_back(Message(path, message));
}

void ConfigValues::Note(std::string_view path, std::string_view message) {
  notes_.push_back(Message(path, message));
}

void ConfigValues::Warn(std::string_view message) {
  warnings_.push_back(name_ + ": " + std::string(message));
}

Status ConfigValues::status() const {
  std::string lines;
  for (const std::string& error : errors_) {
    lines += (lines.empty() ? "" : "\n") + error;
  }
  return errors_.empty() ? OkStatus() : InvalidArgumentError(std::move(lines));
}

}  // namespace cdc
