#include "cli/tls_files.h"

#include <CLI/CLI.hpp>

#include "base/file.h"

namespace cdc::cli {
namespace {

// One of the files: its option, what stands in for it, and what it is.
struct TlsFile {
  const char* option;
  const char* variable;
  const char* key;  // of the configuration file
  std::string CliConfig::* configured;
  const char* about;
  std::string TlsFiles::* path;
};

constexpr TlsFile kTlsFiles[] = {
    {"--tls-ca", "MILVUS_CDC_SERVER_TLS_CA", "tlsCA", &CliConfig::tls_ca,
     "a file with the authority that signed the certificate of an https:// server [those of the "
     "system]",
     &TlsFiles::ca},
    {"--tls-cert", "MILVUS_CDC_SERVER_TLS_CERT", "tlsCert", &CliConfig::tls_cert,
     "a file with your certificate", &TlsFiles::cert},
    {"--tls-key", "MILVUS_CDC_SERVER_TLS_KEY", "tlsKey", &CliConfig::tls_key, "a file with its key",
     &TlsFiles::key}};

}  // namespace

void AddTlsOptions(CLI::App* app, TlsFiles* files) {
  for (const TlsFile& file : kTlsFiles) {
    app->add_option(file.option, files->*file.path,
                    std::string(file.about) + " (env " + file.variable + ")");
  }
}

Result<TlsFiles> ReadTlsFiles(TlsFiles options,
                              const CliConfig& config,
                              const std::string& base,
                              const Console& console) {
  if (!base.starts_with("https://")) {
    // Variables and the file may be meant for another server.
    return options.empty()
               ? Result<TlsFiles>(TlsFiles())
               : InvalidArgumentError(
                     "--tls-ca, --tls-cert and --tls-key need a server whose address begins with "
                     "https://, which " +
                     base + " does not");
  }
  for (const TlsFile& file : kTlsFiles) {
    std::string& path = options.*file.path;
    const char* named_by = file.option;
    if (path.empty()) {
      path = console.environment(file.variable).value_or("");
      named_by = file.variable;
    }
    if (path.empty()) {
      path = config.*file.configured;
      named_by = file.key;
    }
    if (path.empty()) {
      continue;
    }
    if (const Result<std::string> text = ReadFile(path); !text.ok()) {
      return InvalidArgumentError(std::string(named_by) + ": " + text.status().message());
    }
  }
  if (options.cert.empty() != options.key.empty()) {
    return InvalidArgumentError(
        "a certificate and its key belong together: give both --tls-cert and --tls-key, or "
        "neither");
  }
  return options;
}

}  // namespace cdc::cli
