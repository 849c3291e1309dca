#include "rows/undecodable.h"

#include <spdlog/spdlog.h>

namespace cdc {

Status UndecodableRecords::Handle(const Status& why) {
  if (why.code() != StatusCode::kDataLoss) {
    return why;
  }
  if (policy_ == OnUndecodable::kStop) {
    return DataLossError(
        why.message() +
        "; resume the task with on_undecodable=skip to continue without this record");
  }
  spdlog::warn("skipped a record that cannot be decoded: {}", why.message());
  MutexLock lock(mutex_);
  ++skipped_.records;
  skipped_.last = why.message();
  return OkStatus();
}

UndecodableRecords::Skipped UndecodableRecords::skipped() const {
  MutexLock lock(mutex_);
  return skipped_;
}

}  // namespace cdc
