#include "api/json_text.h"

#include <nlohmann/json.hpp>

namespace cdc {
namespace {

// The maximum nesting of arrays and objects: the JSON library copies and destroys recursively.
constexpr int kMaxDepth = 64;

bool NestedTooDeep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    // Brackets in strings do not count, and an escaped quote does not end one.
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) {
        return true;
      }
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

}  // namespace

Result<nlohmann::json> ParseJson(std::string_view text) {
  if (text.empty()) {
    return InvalidArgumentError("the body is empty");
  }
  if (NestedTooDeep(text)) {
    return InvalidArgumentError("nested deeper than " + std::to_string(kMaxDepth) + " levels");
  }
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    return InvalidArgumentError("invalid JSON at byte " + std::to_string(error.byte));
  } catch (const nlohmann::json::exception&) {
    return InvalidArgumentError("a number is out of range");
  }
}

std::string DumpJson(const nlohmann::ordered_json& json) {
  const std::string plain =
      json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::string text;
  text.reserve(plain.size() + 1);
  // The three characters occur only inside strings.
  for (const char c : plain) {
    switch (c) {
      case '<': text += "\\u003c"; break;
      case '>': text += "\\u003e"; break;
      case '&': text += "\\u0026"; break;
      default: text.push_back(c);
    }
  }
  text.push_back('\n');
  return text;
}

}  // namespace cdc
