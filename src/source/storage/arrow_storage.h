#pragma once

#include <memory>
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

// A storage on one of Arrow's file systems. `place` describes it in messages. `hangs`: calls of the
// file system may take long, so that those of Until need threads of their own.
std::unique_ptr<Storage> NewArrowStorage(std::shared_ptr<arrow::fs::FileSystem> files,
                                         std::string root,
                                         std::string place,
                                         bool hangs);

}  // namespace cdc
