#pragma once

#include <string>

#include "base/status.h"
#include "cli/view/console.h"

namespace cdc::cli {

// What a person's configuration file says; empty: nothing. A new key is a member here and a line in
// the table of cli_config.cc.
struct CliConfig {
  std::string server{};
  std::string token{};
  std::string token_file{};  // absolute
  std::string tls_ca{};      // absolute, as the next two
  std::string tls_cert{};
  std::string tls_key{};
  std::string output{};
};

// Reads `milvus-cdc/config.yaml` in XDG_CONFIG_HOME, or in ~/.config; without the file, nothing is
// set. kInvalidArgument: it is not as it must be, or holds a token that others can read; the
// message has path and line, never a value.
Result<CliConfig> ReadCliConfig(const Console& console);

}  // namespace cdc::cli
