#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "base/status.h"
#include "milvus/milvus_channel.h"
#include "sink/target.h"

namespace cdc {

// The way to one standby. Its address and credentials can change while calls are in progress: those
// calls finish with what they were started with.
//
// Thread-safe. The destructor cancels every call and waits for its callback, so declare it after
// everything that the callbacks use.
class StandbyConnection {
 public:
  // Nothing is connected yet. kInvalidArgument: see NewMilvusTarget.
  static Result<std::unique_ptr<StandbyConnection>> New(const TargetOptions& target);

  // Calls started from now on use this address and these credentials.
  Status UseAccess(const TargetOptions& target);

  // The channel with the current address and credentials. Lives as long as this.
  MilvusChannel* channel() const;

 private:
  StandbyConnection() = default;

  mutable Mutex mutex_;
  MilvusChannel* current_ CDC_GUARDED_BY(mutex_) = nullptr;
  // By address and credentials. An older channel stays, since its calls may still be in progress.
  std::map<std::string, std::unique_ptr<MilvusChannel>> channels_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
