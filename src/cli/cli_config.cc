#include "cli/cli_config.h"

#include <filesystem>
#include <map>
#include <string_view>
#include <system_error>

#include <yaml-cpp/yaml.h>

#include "base/file.h"
#include "cli/output.h"
#include "cli/view/format.h"

namespace cdc::cli {
namespace {

namespace fs = std::filesystem;

struct Key {
  const char* name;
  std::string CliConfig::* value;
};

constexpr Key kKeys[] = {{"server", &CliConfig::server},        {"token", &CliConfig::token},
                         {"tokenFile", &CliConfig::token_file}, {"tlsCA", &CliConfig::tls_ca},
                         {"tlsCert", &CliConfig::tls_cert},     {"tlsKey", &CliConfig::tls_key},
                         {"output", &CliConfig::output}};

// Empty: there is no folder for it.
fs::path PathOf(const Console& console) {
  const auto variable = [&console](const char* name) {
    return console.environment ? console.environment(name).value_or("") : std::string();
  };
  fs::path folder = variable("XDG_CONFIG_HOME");
  // The specification: one that is not absolute is ignored.
  if (!folder.is_absolute()) {
    const fs::path home = variable("HOME");
    folder = home.empty() ? fs::path() : home / ".config";
  }
  return folder.empty() ? fs::path() : folder / "milvus-cdc" / "config.yaml";
}

class CliConfigReader {
 public:
  explicit CliConfigReader(fs::path path) : path_(std::move(path)) {}

  Result<CliConfig> Read() {
    CDC_ASSIGN_OR_RETURN(const std::string text, ReadFile(path_));
    YAML::Node root;
    try {
      root = YAML::Load(text);
    } catch (const YAML::Exception& error) {
      return At(error.mark, "this is not YAML: " + error.msg);
    }
    if (root.IsNull()) {
      return config_;
    }
    if (!root.IsMap()) {
      return At(root.Mark(), "keys with values are expected, such as `server: host:8444`");
    }
    for (const auto& entry : root) {
      CDC_RETURN_IF_ERROR(Add(entry.first, entry.second));
    }
    return Check();
  }

 private:
  Status At(const YAML::Mark& mark, const std::string& what) const {
    const std::string line = mark.is_null() ? "" : ": line " + std::to_string(mark.line + 1);
    return InvalidArgumentError(path_.string() + line + ": " + what);
  }

  Status Add(const YAML::Node& name, const YAML::Node& value) {
    std::string known;
    for (const Key& key : kKeys) {
      if (name.IsScalar() && name.Scalar() == key.name) {
        if (!value.IsScalar()) {
          return At(value.Mark(), std::string(key.name) + " must be a text");
        }
        if (!(config_.*key.value).empty()) {
          return At(name.Mark(), std::string(key.name) + " is set twice");
        }
        config_.*key.value = value.Scalar();
        lines_[key.name] = name.Mark();
        return OkStatus();
      }
      known += (known.empty() ? "" : ", ") + std::string(key.name);
    }
    // Only the name: the value may be a secret under a mistyped key.
    return At(name.Mark(), "unknown key " +
                               (name.IsScalar() ? Printable(name.Scalar()) : std::string()) +
                               "; known are " + known);
  }

  Result<CliConfig> Check() {
    if (!config_.token.empty() && !config_.token_file.empty()) {
      return At(lines_["tokenFile"], "either token or tokenFile, not both");
    }
    Output output{};
    if (!config_.output.empty() && !ReadOutput(config_.output, &output)) {
      return At(lines_["output"], "output must be table, json or yaml");
    }
    for (std::string* const file :
         {&config_.token_file, &config_.tls_ca, &config_.tls_cert, &config_.tls_key}) {
      if (!file->empty()) {
        *file = path_.parent_path() / *file;  // an absolute one stays
      }
    }
    std::error_code error;
    const fs::perms others =
        fs::status(path_, error).permissions() & (fs::perms::group_all | fs::perms::others_all);
    if (!config_.token.empty() && (error || others != fs::perms::none)) {
      return InvalidArgumentError(path_.string() +
                                  " holds a token, and others than its owner have access to it: "
                                  "chmod 600 " +
                                  path_.string() + ", or name a tokenFile instead");
    }
    return config_;
  }

  const fs::path path_;
  CliConfig config_;
  std::map<std::string_view, YAML::Mark> lines_;
};

}  // namespace

Result<CliConfig> ReadCliConfig(const Console& console) {
  const fs::path path = PathOf(console);
  std::error_code error;
  if (path.empty() || !fs::exists(path, error)) {
    return error ? InvalidArgumentError(path.string() + ": " + error.message())
                 : Result<CliConfig>(CliConfig{});
  }
  return CliConfigReader(path).Read();
}

}  // namespace cdc::cli
