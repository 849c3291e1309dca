#include <arrow/filesystem/gcsfs.h>
#include <arrow/result.h>

#include "source/storage/arrow_storage.h"
#include "source/storage/storage.h"

namespace cdc {
namespace {

arrow::fs::GcsOptions ToArrow(const GcsStorageOptions& options, std::chrono::milliseconds retry) {
  arrow::fs::GcsOptions out =
      !options.use_tls ? arrow::fs::GcsOptions::Anonymous()
      : options.credentials.empty()
          ? arrow::fs::GcsOptions::Defaults()
          : arrow::fs::GcsOptions::FromServiceAccountCredentials(options.credentials);
  out.endpoint_override = options.address;
  out.scheme = options.use_tls ? "https" : "http";
  out.retry_limit_seconds = std::chrono::duration<double>(retry).count();
  return out;
}

}  // namespace

Result<std::unique_ptr<Storage>> OpenGcsStorage(const GcsStorageOptions& options) {
  const std::string place = "bucket " + options.bucket + ", root " + options.root + ", of " +
                            (options.address.empty() ? "Google Cloud Storage" : options.address);
  const std::string failed = "cannot open " + place;
  // Somebody waits for the first answer.
  const auto quick = arrow::fs::GcsFileSystem::Make(ToArrow(options, options.connect_timeout / 2));
  if (!quick.ok()) {
    return FromArrowStatus(quick.status(), failed);
  }
  CDC_RETURN_IF_ERROR(CheckBucket(*quick, options.bucket, options.connect_timeout, failed));
  const auto files = arrow::fs::GcsFileSystem::Make(ToArrow(options, options.request_timeout / 3));
  if (!files.ok()) {
    return FromArrowStatus(files.status(), failed);
  }
  return NewArrowStorage({.files = *files,
                          .root = PathInBucket(options.bucket, options.root),
                          .place = place,
                          .hangs = true,
                          .limit = options.request_timeout});
}

}  // namespace cdc
