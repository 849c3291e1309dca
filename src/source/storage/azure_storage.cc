#include <algorithm>
#include <cctype>
#include <string_view>

#include <arrow/filesystem/azurefs.h>
#include <arrow/result.h>

#include "source/storage/arrow_storage.h"
#include "source/storage/storage.h"

namespace cdc {
namespace {

std::string AddressOf(const AzureStorageOptions& options) {
  return options.address.empty() ? "core.windows.net" : options.address;
}

bool IsBase64(std::string_view text) {
  if (text.size() % 4 != 0) {
    return false;
  }
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) {
    text.remove_suffix(1);
  }
  return std::ranges::all_of(text, [](char letter) {
    return std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '+' || letter == '/';
  });
}

Result<arrow::fs::AzureOptions> ToArrow(const AzureStorageOptions& options,
                                        const std::string& failed) {
  arrow::fs::AzureOptions out;
  const std::string address = AddressOf(options);
  const bool whole = address.find(':') != std::string::npos;
  out.account_name = options.account;
  out.blob_storage_authority = whole ? address : ".blob." + address;
  out.dfs_storage_authority = whole ? address : ".dfs." + address;
  out.blob_storage_scheme = out.dfs_storage_scheme = options.use_tls ? "https" : "http";
  if (!IsBase64(options.account_key)) {  // Azure's library would throw, later
    return InvalidArgumentError(failed + ": the account's key is not base64");
  }
  const arrow::Status status = options.account_key.empty()
                                   ? out.ConfigureDefaultCredential()
                                   : out.ConfigureAccountKeyCredential(options.account_key);
  if (!status.ok()) {
    return FromArrowStatus(status, failed);
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<Storage>> OpenAzureStorage(const AzureStorageOptions& options) {
  const std::string place = "container " + options.container + ", root " + options.root +
                            ", of account " + options.account + " at " + AddressOf(options);
  const std::string failed = "cannot open " + place;
  if (options.account.empty()) {
    return InvalidArgumentError(failed + ": the name of the account is missing");
  }
  CDC_ASSIGN_OR_RETURN(const arrow::fs::AzureOptions arrow_options, ToArrow(options, failed));
  const auto files = arrow::fs::AzureFileSystem::Make(arrow_options);
  if (!files.ok()) {
    return FromArrowStatus(files.status(), failed);
  }
  CDC_RETURN_IF_ERROR(CheckBucket(*files, options.container, options.connect_timeout, failed));
  return NewArrowStorage({.files = *files,
                          .root = PathInBucket(options.container, options.root),
                          .place = place,
                          .hangs = true,
                          .limit = options.request_timeout});
}

}  // namespace cdc
