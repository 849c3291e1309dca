#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "base/file.h"
#include "server/config_keys.h"
#include "server/config_values.h"

namespace cdc {
namespace {

std::string JoinKeys(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

// "a, b" -> a and b.
std::vector<std::string> SplitList(const std::string& text) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const size_t first = std::min(text.find_first_not_of(' ', begin), end);
    size_t last = end;
    while (last > first && text[last - 1] == ' ') {
      --last;
    }
    parts.push_back(text.substr(first, last - first));
    begin = end + 1;
  }
  return parts;
}

// Takes the value from a node; false: a key of this type has no such value.
bool TakeNode(const YAML::Node& node, ConfigKeyType type, ConfigValue* value) {
  if (type == ConfigKeyType::kMap) {
    if (!node.IsMap()) {
      return false;
    }
    for (const auto& member : node) {
      if (!member.first.IsScalar() || !member.second.IsScalar()) {
        return false;
      }
      value->map[member.first.Scalar()] = member.second.Scalar();
    }
    return true;
  }
  if (type == ConfigKeyType::kList && node.IsSequence()) {
    for (const YAML::Node& element : node) {
      if (!element.IsScalar()) {
        return false;
      }
      value->list.push_back(element.Scalar());
    }
    return true;
  }
  if (!node.IsScalar()) {
    return false;
  }
  value->text = node.Scalar();
  value->quoted = node.Tag() == "!";
  if (type == ConfigKeyType::kList) {
    value->list = SplitList(value->text);
  }
  return true;
}

// Without the newline at its end, which editors and `echo` leave.
Result<std::string> ReadSecretFile(const std::string& path) {
  CDC_ASSIGN_OR_RETURN(std::string secret, ReadFile(path, size_t{1} << 20));
  if (secret.ends_with('\n')) {
    secret.pop_back();
    if (secret.ends_with('\r')) {
      secret.pop_back();
    }
  }
  if (secret.empty()) {
    return InvalidArgumentError(path + " is empty");
  }
  return secret;
}

}  // namespace

// Puts everything that is given into a ConfigValues.
class ConfigCollector {
 public:
  explicit ConfigCollector(ConfigValues* values) : values_(*values) {}

  void AddFile(const std::string& text) {
    try {
      const YAML::Node root = YAML::Load(text);
      if (root.IsMap()) {
        AddSection(root, "");
      } else if (!root.IsNull()) {
        values_.errors_.push_back(values_.name_ + ": the file must hold keys with values");
      }
    } catch (const YAML::Exception& error) {
      values_.errors_.push_back(Place(error.mark) + ": " + error.msg);
    }
  }

  void AddEnvironment(const Environment& environment) {
    for (const auto& [name, text] : environment) {
      // An empty variable is what a template leaves that nobody has filled in. A token that is
      // missing so must not let everybody in.
      if (text.empty() &&
          (name == EnvironmentName("http.token") || name == EnvironmentName("http.tokenFile"))) {
        values_.errors_.push_back(name + " is empty: give a token, or unset it");
      }
      if (name.starts_with(kEnvironmentPrefix) && !text.empty() && !IsOthers(name)) {
        AddVariable(name, text);
      }
    }
  }

  void ReadSecretFiles() {
    for (const ConfigKey& key : ConfigKeys()) {
      if (key.type != ConfigKeyType::kSecret) {
        continue;
      }
      const std::string file_key = SecretFileKey(key.path);
      const ConfigValue* const file = values_.Find(file_key);
      if (file == nullptr || file->text.empty()) {
        continue;
      }
      const ConfigValue* const given = values_.Find(key.path);
      if (given != nullptr && !given->text.empty()) {
        values_.Fail(file_key, "and " + std::string(key.path) +
                                   " exclude each other: give the secret or its file");
        continue;
      }
      Result<std::string> secret = ReadSecretFile(file->text);
      if (!secret.ok()) {
        values_.Fail(file_key, ": " + secret.status().message());
        continue;
      }
      Put(key.path, {.text = *std::move(secret),
                     .quoted = true,
                     .place = file->place,
                     .origin = file_key.substr(file_key.rfind('.') + 1)});
    }
  }

  // As soon as the older key of an address is given, the older keys replace the new ones.
  void ApplyOlderForms() {
    const std::string source = "sourceConfig.";
    if (HasElement(source + "etcdAddress")) {
      Replace(source + "etcdAddress", source + "etcd.address");
      Replace(source + "etcdRootPath", source + "etcd.rootPath");
      Replace(source + "etcdMetaSubPath", source + "etcd.metaSubPath");
    }
    const std::string store = "metaStoreConfig.";
    if (HasElement(store + "etcdEndpoints")) {
      const std::string section = InLowerCase(store + "etcd.");
      std::erase_if(values_.values_,
                    [&section](const auto& value) { return value.first.starts_with(section); });
      Replace(store + "etcdEndpoints", store + "etcd.address");
    }
  }

 private:
  // Variables that are not settings of the server: of our command line and scripts, and those that
  // Kubernetes makes for a service named milvus-cdc.
  static bool IsOthers(std::string_view name) {
    for (const std::string_view known :
         {"SERVER", "SERVER_TOKEN", "SERVER_TLS_CA", "SERVER_TLS_CERT", "SERVER_TLS_KEY",
          "TARGET_TOKEN", "CACHE", "SERVICE_HOST"}) {
      if (name.substr(kEnvironmentPrefix.size()) == known) {
        return true;
      }
    }
    const std::string_view rest = name.substr(kEnvironmentPrefix.size());
    return rest == "PORT" || rest.starts_with("PORT_") || rest.starts_with("SERVICE_PORT");
  }

  std::string Place(const YAML::Mark& mark) const {
    std::string place = values_.name_;
    if (mark.line >= 0) {
      place +=
          ": line " + std::to_string(mark.line + 1) + ", column " + std::to_string(mark.column + 1);
    }
    return place;
  }

  void AddSection(const YAML::Node& section, const std::string& section_path) {
    for (const auto& member : section) {
      const std::string path = JoinKeys(section_path, member.first.Scalar());
      const ConfigKey* const key = FindConfigKey(path);
      if (key == nullptr) {
        AddUnknown(values_.name_ + ": unknown key " + path, NearestConfigKey(path));
      } else if (!key->used) {
        AddUnused(values_.name_, *key);
      } else {
        AddMember(member.second, *key);
      }
    }
  }

  void AddMember(const YAML::Node& node, const ConfigKey& key) {
    if (node.IsNull()) {
      return;
    }
    ConfigValue value{.place = Place(node.Mark()),
                      .origin = "file, line " + std::to_string(node.Mark().line + 1)};
    if (key.type == ConfigKeyType::kSection && node.IsMap()) {
      AddSection(node, std::string(key.path));
    } else if (key.type == ConfigKeyType::kSection || !TakeNode(node, key.type, &value)) {
      AddError(value.place, key, Requirement(key.type));
    } else {
      if (Has(key.path)) {
        values_.Warn(std::string(key.path) + " is given twice, the last one counts");
      }
      Put(key.path, std::move(value));
    }
  }

  void AddVariable(const std::string& name, const std::string& text) {
    const std::string place = "environment variable " + name;
    const ConfigKey* const key = FindByEnvironmentName(name);
    if (key == nullptr) {
      AddUnknown(place + " sets no known key", NearestEnvironmentName(name));
      return;
    }
    if (!key->used) {
      AddUnused(place, *key);
      return;
    }
    if (key->type == ConfigKeyType::kSection) {
      values_.warnings_.push_back(place + " names a section: set its keys one by one");
      return;
    }
    ConfigValue value{.text = text, .place = place, .origin = "environment, " + name};
    const bool is_yaml = key->type == ConfigKeyType::kMap ||
                         (key->type == ConfigKeyType::kList && text.starts_with('['));
    if (is_yaml && !TakeYaml(text, key->type, &value)) {
      AddError(place, *key, Requirement(key->type));
      return;
    }
    if (key->type == ConfigKeyType::kList && !is_yaml) {
      value.list = SplitList(text);
    }
    Put(key->path, std::move(value));
  }

  static bool TakeYaml(const std::string& text, ConfigKeyType type, ConfigValue* value) {
    try {
      return TakeNode(YAML::Load(text), type, value);
    } catch (const YAML::Exception&) {
      return false;  // without the library's words, which may quote the text
    }
  }

  void AddUnknown(const std::string& what, const std::string& nearest) {
    values_.warnings_.push_back(what + (nearest.empty() ? "" : ", did you mean " + nearest + "?"));
  }

  // One note for each key, whatever is below it.
  void AddUnused(const std::string& place, const ConfigKey& key) {
    if (!Has(key.path)) {
      values_.notes_.push_back(place + ": " + std::string(key.path) +
                               " has no effect: " + std::string(key.about));
      Put(key.path, {.place = place, .origin = "given"});
    }
  }

  void AddError(const std::string& place, const ConfigKey& key, const std::string& message) {
    values_.errors_.push_back(place + ": " + std::string(key.path) + " " + message);
  }

  bool Has(std::string_view path) const { return values_.Find(path) != nullptr; }
  // An older form that is there but empty counts as missing.
  bool HasElement(std::string_view path) const {
    const ConfigValue* const value = values_.Find(path);
    return value != nullptr && std::any_of(value->list.begin(), value->list.end(),
                                           [](const std::string& each) { return !each.empty(); });
  }

  void Put(std::string_view path, ConfigValue value) {
    values_.values_[InLowerCase(path)] = std::move(value);
  }

  void Replace(const std::string& older, const std::string& newer) {
    if (const ConfigValue* const value = values_.Find(older)) {
      ConfigValue moved = *value;
      moved.origin += ", as " + older;
      Put(newer, std::move(moved));
      values_.values_.erase(InLowerCase(older));
    }
  }

  ConfigValues& values_;
};

ConfigValues ConfigValues::Collect(const std::string& text,
                                   const std::string& name,
                                   const Environment& environment) {
  ConfigValues values;
  values.name_ = name;
  ConfigCollector collector(&values);
  collector.AddFile(text);
  // Before the environment, so that its variables come first here, too; and again for its own.
  collector.ApplyOlderForms();
  collector.AddEnvironment(environment);
  collector.ApplyOlderForms();
  collector.ReadSecretFiles();
  return values;
}

}  // namespace cdc
