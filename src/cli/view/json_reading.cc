#include "cli/view/json_reading.h"

#include <nlohmann/json.hpp>

#include "cli/view/format.h"

namespace cdc::cli {

using Json = nlohmann::ordered_json;

const Json& Member(const Json& json, const char* key) {
  static const Json kNull;
  if (!json.is_object()) {
    return kNull;
  }
  const auto found = json.find(key);
  return found == json.end() ? kNull : *found;
}

std::string Text(const Json& json, const char* key) {
  const Json& value = Member(json, key);
  return value.is_string() ? Printable(value.get<std::string>()) : "";
}

std::vector<std::string> Texts(const Json& json, const char* key) {
  std::vector<std::string> texts;
  const Json& list = Member(json, key);
  for (const Json& value : list.is_array() ? list : Json::array()) {
    if (value.is_string()) {
      texts.push_back(Printable(value.get<std::string>()));
    }
  }
  return texts;
}

}  // namespace cdc::cli
