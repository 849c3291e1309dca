#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/status.h"
#include "source/storage/storage.h"

namespace arrow {
class Status;
namespace fs {
class FileSystem;
}  // namespace fs
}  // namespace arrow

namespace cdc {

// Translates an error of Arrow's file systems; `what` says what was tried, where.
Status FromArrowStatus(const arrow::Status& status, const std::string& what);

// A storage on one of Arrow's file systems.
struct ArrowStorageParts {
  std::shared_ptr<arrow::fs::FileSystem> files;
  std::string root;
  std::string place;  // describes it in messages
  // Calls of the file system may take long, so that those of Until need threads of their own.
  bool hangs = false;
  // For a file system without time limits of its own: how long each call is waited for.
  std::optional<std::chrono::milliseconds> limit{};
};
std::unique_ptr<Storage> NewArrowStorage(ArrowStorageParts parts);

// Where `root` is in `bucket`, for a file system whose paths begin with the bucket.
std::string PathInBucket(const std::string& bucket, const std::string& root);

// Whether a bucket is there, for one of these file systems; `failed`: what the messages begin with.
Status CheckBucket(const std::shared_ptr<arrow::fs::FileSystem>& files,
                   const std::string& bucket,
                   std::optional<std::chrono::milliseconds> limit,
                   const std::string& failed);

}  // namespace cdc
