#include "cli/output.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

namespace cdc::cli {
namespace {

using Json = nlohmann::ordered_json;

// A word that is no other type to any reader of YAML.
bool IsPlainKey(std::string_view key) {
  constexpr std::string_view kNoText[] = {"y",   "n",    "yes",   "no",  "on",
                                          "off", "true", "false", "null"};
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || c == '_';
  }) && std::find(std::begin(kNoText), std::end(kNoText), key) == std::end(kNoText);
}

void EmitText(const std::string& text, YAML::Emitter* out) { *out << YAML::DoubleQuoted << text; }

void Emit(const Json& data, YAML::Emitter* out) {
  if (data.is_object()) {
    *out << (data.empty() ? YAML::Flow : YAML::Block) << YAML::BeginMap;
    for (const auto& [key, value] : data.items()) {
      *out << YAML::Key;
      if (IsPlainKey(key)) {
        *out << key;
      } else {
        EmitText(key, out);
      }
      *out << YAML::Value;
      Emit(value, out);
    }
    *out << YAML::EndMap;
  } else if (data.is_array()) {
    *out << (data.empty() ? YAML::Flow : YAML::Block) << YAML::BeginSeq;
    for (const Json& each : data) {
      Emit(each, out);
    }
    *out << YAML::EndSeq;
  } else if (data.is_string()) {
    // Always quoted: a name such as `no` or `1e3` must stay a text.
    EmitText(data.get<std::string>(), out);
  } else if (data.is_null()) {
    *out << YAML::Null;  // as a text it would be quoted
  } else {
    *out << data.dump();  // numbers, true and false are the same in both
  }
}

std::string Yaml(const Json& data) {
  YAML::Emitter out;
  out.SetNullFormat(YAML::LowerNull);
  Emit(data, &out);
  return std::string(out.c_str(), out.size()) + "\n";
}

std::string JsonText(const Json& data, int indent) {
  return data.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

bool ReadOutput(const std::string& name, Output* output) {
  const auto found = std::find(std::begin(kOutputNames), std::end(kOutputNames), name);
  if (found == std::end(kOutputNames)) {
    return false;
  }
  *output = static_cast<Output>(found - std::begin(kOutputNames));
  return true;
}

std::string Render(Output output, const Json& data) {
  return output == Output::kYaml ? Yaml(data) : JsonText(data, 2);
}

std::string RenderOneOfMany(Output output, const Json& data) {
  return output == Output::kYaml ? "---\n" + Yaml(data) : JsonText(data, -1);
}

}  // namespace cdc::cli
