#include "server/config_print.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "server/config_keys.h"

namespace cdc {
namespace {

constexpr std::string_view kBlanked = "\"***\"";

// An address may have credentials before its host, with any letters in them: everything between the
// scheme and the last @ may be one.
std::string WithoutCredentials(std::string text) {
  const size_t at = text.rfind('@');
  if (at == std::string::npos) {
    return text;
  }
  const size_t scheme = text.find("://");
  const size_t begin = scheme < at ? scheme + 3 : 0;
  return text.replace(begin, at - begin, "***");
}

// Settings of librdkafka that are credentials, like ssl.key.password and sasl.oauthbearer.config.
bool IsSecretSetting(std::string_view name) {
  const std::string lower = InLowerCase(name);
  const std::string_view parts[] = {"password", "secret", ".pem", "oauthbearer.config"};
  return std::any_of(std::begin(parts), std::end(parts), [&lower](std::string_view part) {
    return lower.find(part) != std::string::npos;
  });
}

std::string TextOf(const ConfigValue& value, ConfigKeyType type) {
  std::string text;
  switch (type) {
    case ConfigKeyType::kSecret:
      return std::string(value.text.empty() ? std::string_view("\"\"") : kBlanked);
    case ConfigKeyType::kList:
      for (const std::string& element : value.list) {
        text += (text.empty() ? "" : ", ") + QuoteForYaml(WithoutCredentials(element));
      }
      return "[" + text + "]";
    case ConfigKeyType::kMap:
      for (const auto& [name, setting] : value.map) {
        text += (text.empty() ? "" : ", ") + QuoteForYaml(name) + ": " +
                (IsSecretSetting(name) ? std::string(kBlanked) : QuoteForYaml(setting));
      }
      return "{" + text + "}";
    default: return QuoteForYaml(WithoutCredentials(value.text));
  }
}

// "key: value" and where the value comes from.
std::string LineOf(const ConfigKey& key, const ConfigValue* value) {
  const std::string name(key.path.substr(key.path.rfind('.') + 1));
  if (key.type == ConfigKeyType::kSection) {
    return name + ":";
  }
  if (!key.used) {
    return name + ":  # " + (value == nullptr ? "not given" : "given") +
           ", no effect: " + std::string(key.about);
  }
  if (value != nullptr && value->origin.ends_with("File")) {
    return name + ":  # from " + value->origin;
  }
  if (value != nullptr) {
    return name + ": " + TextOf(*value, key.type) + "  # " + value->origin;
  }
  return key.default_value.empty() ? name + ":  # not given"
                                   : name + ": " + std::string(key.default_value) + "  # default";
}

// In a cell of a table.
std::string Cell(std::string_view text) {
  std::string cell;
  for (const char c : text) {
    cell += c == '|' ? "\\|" : std::string(1, c);
  }
  return cell;
}

std::string TypeName(ConfigKeyType type) {
  switch (type) {
    case ConfigKeyType::kInteger: return "integer";
    case ConfigKeyType::kBool: return "true or false";
    case ConfigKeyType::kList: return "list";
    case ConfigKeyType::kMap: return "keys with values";
    case ConfigKeyType::kSecret: return "secret";
    default: return "text";
  }
}

}  // namespace

std::string PrintConfig(const ConfigValues& values) {
  std::string text;
  for (const ConfigKey& key : ConfigKeys()) {
    const auto depth = static_cast<size_t>(std::count(key.path.begin(), key.path.end(), '.'));
    text += std::string(2 * depth, ' ') + LineOf(key, values.Find(key.path)) + "\n";
  }
  return text;
}

std::string PrintConfigReference() {
  std::string used;
  std::string unused;
  for (const ConfigKey& key : ConfigKeys()) {
    const std::string path = "`" + std::string(key.path) + "`";
    if (!key.used) {
      unused += "| " + path + " | " + Cell(key.about) + " |\n";
    } else if (key.type == ConfigKeyType::kSection) {
      used += "| **" + path + "** | | | " + Cell(key.about) + " |\n";
    } else {
      const std::string default_value =
          key.default_value.empty() ? "" : "`" + std::string(key.default_value) + "`";
      used += "| " + path + "<br>`" + EnvironmentName(key.path) + "` | " + TypeName(key.type) +
              " | " + default_value + " | " + Cell(key.about) + " |\n";
    }
  }
  return "## Keys\n\n| key and variable | type | default | meaning |\n| --- | --- | --- | --- |\n" +
         used +
         "\n## Keys without an effect\n\nThe program of the same name reads these. They may stay "
         "in "
         "the file; the log says once why they have no effect.\n\n| key | why |\n| --- | --- |\n" +
         unused;
}

}  // namespace cdc
