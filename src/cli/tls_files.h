#pragma once

#include <string>

#include "base/status.h"
#include "cli/cli_config.h"
#include "cli/view/console.h"

namespace CLI {
class App;
}

namespace cdc::cli {

// Files for an https:// server, PEM. Empty: the system's authorities; no certificate of ours.
struct TlsFiles {
  std::string ca;
  std::string cert;
  std::string key;

  bool empty() const { return ca.empty() && cert.empty() && key.empty(); }
};

// Adds --tls-ca, --tls-cert and --tls-key, which fill in `files`.
void AddTlsOptions(CLI::App* app, TlsFiles* files);

// The files for the server at `base`: what no option named, variables of the environment may, and
// then the configuration file.
//
// kInvalidArgument: a file cannot be read, a certificate without its key, or options for a server
// that is not talked to by https.
Result<TlsFiles> ReadTlsFiles(TlsFiles options,
                              const CliConfig& config,
                              const std::string& base,
                              const Console& console);

}  // namespace cdc::cli
