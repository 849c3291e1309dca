#include "cli/exit_code.h"

#include <string>
#include <string_view>

namespace cdc::cli {
namespace {

struct Hint {
  std::string_view fragment;
  std::string_view text;
};

// Hints for people by a part of the error message; the first match wins.
constexpr Hint kHints[] = {
    {"cannot trust the certificate",
     "name the authority that signed it by --tls-ca FILE or MILVUS_CDC_SERVER_TLS_CA, and the "
     "server by --server as the certificate does"},
    {"does not speak TLS", "begin the address with http:// (--server or MILVUS_CDC_SERVER)"},
    {"this port speaks TLS", "begin the address with https:// (--server or MILVUS_CDC_SERVER)"},
    {"refused the client certificate",
     "the server trusts what the authorities of its http.tls.clientCAPath have signed"},
    {"a client certificate is needed",
     "give it by --tls-cert FILE and --tls-key FILE, or MILVUS_CDC_SERVER_TLS_CERT and "
     "MILVUS_CDC_SERVER_TLS_KEY"},
    {"cannot reach",
     "is `milvus-cdc serve` running there? Set another address by --server or MILVUS_CDC_SERVER"},
    {"no answer within",
     "the request may still be carried out; look with `milvus-cdc task list` before repeating it"},
    {"a token of this server is needed",
     "give the server's token by --server-token-file FILE or MILVUS_CDC_SERVER_TOKEN"},
    {"is not a milvus-cdc", "check --server (MILVUS_CDC_SERVER)"},
    {"fail to connect the milvus",
     "the server, not this machine, must reach the target: check --target-uri and the token"},
    {"is duplicate with existing task",
     "another task replicates this to the same target already: `milvus-cdc task list`"},
    {"the task num has reach the limit", "delete a task, or raise maxTaskNum in the configuration"},
    {"the source is not ready", "the server cannot read its source yet; its log tells why"},
    {"not found", "`milvus-cdc task list` shows the ids"},
    {"no task", "`milvus-cdc task list` shows the ids"},
};

constexpr ExitCodeMeaning kExitCodes[] = {
    {ExitCode::kOk, "done"},
    {ExitCode::kRefused, "the server refused, or it cannot be done"},
    {ExitCode::kUsage, "wrong usage"},
    {ExitCode::kUnreachable, "the server cannot be reached"},
    {ExitCode::kDamaged, "metastore check has found damage"},
    {ExitCode::kCannotStart, "plan: a create would be refused"},
    {ExitCode::kInterrupted, "interrupted before a wait was over"}};

}  // namespace

std::span<const ExitCodeMeaning> ExitCodes() { return kExitCodes; }

ExitCode ExitCodeOf(const Status& status) {
  switch (status.code()) {
    case StatusCode::kOk: return ExitCode::kOk;
    case StatusCode::kInvalidArgument: return ExitCode::kUsage;
    case StatusCode::kUnavailable: return ExitCode::kUnreachable;
    case StatusCode::kCancelled: return ExitCode::kInterrupted;
    default: return ExitCode::kRefused;
  }
}

std::string DescribeFailure(const Status& status) {
  std::string text = "milvus-cdc: " + status.message() + "\n";
  for (const Hint& hint : kHints) {
    if (status.message().find(hint.fragment) != std::string::npos) {
      return text.append("  hint: ").append(hint.text).append("\n");
    }
  }
  return text;
}

}  // namespace cdc::cli
