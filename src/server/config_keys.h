#pragma once

#include <span>
#include <string>
#include <string_view>

namespace cdc {

enum class ConfigKeyType { kSection, kText, kSecret, kInteger, kBool, kList, kMap };

// What a value of this type must be, for errors: "must be an integer".
const char* Requirement(ConfigKeyType type);

// A key of cdc.yaml. The table of them is what the file, the environment, `--check-config` and
// docs/configuration.md have in common.
struct ConfigKey {
  std::string_view path;  // "sourceConfig.etcd.address"
  ConfigKeyType type = ConfigKeyType::kText;
  // As YAML; empty: none, or one that depends on other keys.
  std::string_view default_value;
  // What it is for. Of a key without an effect: why it has none.
  std::string_view about;
  // False: for the program of the same name, which reads the file, too; unused here. So is
  // everything below it.
  bool used = true;
};

// In the order of the documentation; a section precedes its keys. A secret X is followed by
// `XFile`, a file with its value.
std::span<const ConfigKey> ConfigKeys();

// The key with a path in any letter case; for one below an unused key, that key. nullptr: unknown.
const ConfigKey* FindConfigKey(std::string_view path);

// The key that holds the path of the file with this secret.
std::string SecretFileKey(std::string_view secret);

// The environment variable that sets a key: "MILVUS_CDC_SOURCECONFIG_ETCD_ADDRESS".
std::string EnvironmentName(std::string_view path);
inline constexpr std::string_view kEnvironmentPrefix = "MILVUS_CDC_";

// The key that a variable sets, as FindConfigKey. nullptr: none.
const ConfigKey* FindByEnvironmentName(std::string_view name);

// The known key that was probably meant by an unknown one; empty if none is similar.
std::string NearestConfigKey(std::string_view path);
// As above, for variables.
std::string NearestEnvironmentName(std::string_view name);

// Compares two paths, ignoring letter case.
bool SameConfigKey(std::string_view a, std::string_view b);
std::string InLowerCase(std::string_view text);

}  // namespace cdc
