#include <algorithm>
#include <utility>

#include <arrow/filesystem/s3fs.h>
#include <arrow/result.h>

#include "source/storage/arrow_storage.h"
#include "source/storage/stoppable_call.h"
#include "source/storage/storage.h"

namespace cdc {
namespace {

// Repeats what may pass a few times, quickly: the caller repeats with patience.
class ShortRetry final : public arrow::fs::S3RetryStrategy {
 public:
  explicit ShortRetry(int64_t repeats) : repeats_(repeats) {}

  bool ShouldRetry(const AWSErrorDetail& error, int64_t attempted) override {
    return error.should_retry && attempted < repeats_;
  }
  int64_t CalculateDelayBeforeNextRetry(const AWSErrorDetail& /*error*/,
                                        int64_t attempted) override {
    return kDelayMs << std::min(attempted, repeats_);
  }

 private:
  static constexpr int64_t kDelayMs = 100;
  const int64_t repeats_;
};

double Seconds(std::chrono::milliseconds time) {
  return std::chrono::duration<double>(time).count();
}

arrow::fs::S3Options ToArrow(const S3StorageOptions& options) {
  arrow::fs::S3Options out =
      options.access_key.empty()
          ? arrow::fs::S3Options::Defaults()
          : arrow::fs::S3Options::FromAccessKey(options.access_key, options.secret_key);
  out.endpoint_override = options.address;
  out.scheme = options.use_tls ? "https" : "http";
  out.tls_ca_file_path = options.ca_file;
  // Without one the library would look for it on the network, for seconds.
  out.region = options.region.empty() ? "us-east-1" : options.region;
  out.force_virtual_addressing = options.virtual_host;
  out.connect_timeout = Seconds(options.connect_timeout);
  out.request_timeout = Seconds(options.request_timeout);
  out.retry_strategy = std::make_shared<ShortRetry>(/*repeats=*/2);
  return out;
}

// Somebody waits for the answer: who is silent or does not listen is known soon.
Status CheckSoon(const S3StorageOptions& options, const std::string& failed) {
  arrow::fs::S3Options quick = ToArrow(options);
  quick.request_timeout = quick.connect_timeout;
  quick.retry_strategy = std::make_shared<ShortRetry>(/*repeats=*/0);
  const auto files = arrow::fs::S3FileSystem::Make(quick);
  if (!files.ok()) {
    return FromArrowStatus(files.status(), failed);
  }
  return CheckBucket(*files, options.bucket, std::nullopt, failed);
}

std::string Describe(const S3StorageOptions& options) {
  const std::string address = options.address.empty() ? "AWS" : options.address;
  return "bucket " + options.bucket + ", root " + options.root + ", of " + address +
         (options.region.empty() ? "" : " in region " + options.region);
}

}  // namespace

Result<std::unique_ptr<Storage>> OpenS3Storage(const S3StorageOptions& options) {
  const std::string place = Describe(options);
  const std::string failed = "cannot open " + place;
  arrow::fs::S3GlobalOptions global = arrow::fs::S3GlobalOptions::Defaults();
  global.log_level = arrow::fs::S3LogLevel::Off;
  if (!arrow::fs::IsS3Initialized()) {
    if (const arrow::Status status = arrow::fs::InitializeS3(global); !status.ok()) {
      return FromArrowStatus(status, failed);
    }
  }
  CDC_RETURN_IF_ERROR(CheckSoon(options, failed));
  const auto files = arrow::fs::S3FileSystem::Make(ToArrow(options));
  if (!files.ok()) {
    return FromArrowStatus(files.status(), failed);
  }
  return NewArrowStorage({.files = *files,
                          .root = PathInBucket(options.bucket, options.root),
                          .place = place,
                          .hangs = true});
}

Status EndStorage() {
  if (CallsAreLeft()) {
    return UnavailableError("the storage has not answered yet");
  }
  if (!arrow::fs::IsS3Initialized()) {
    return OkStatus();
  }
  const arrow::Status status = arrow::fs::FinalizeS3();
  return status.ok() ? OkStatus() : FromArrowStatus(status, "cannot end the S3 library");
}

}  // namespace cdc
