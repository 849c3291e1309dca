#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "base/status.h"
#include "sink/target.h"

namespace cdc {

class StandbyHub;

// The hubs of this process, one per standby. A hub lives as long as somebody holds it.
//
// Thread-safe.
class StandbyHubs {
 public:
  // `may_send`: see StandbyHubOptions.
  explicit StandbyHubs(std::function<Status()> may_send = {}) : may_send_(std::move(may_send)) {}

  // The hub of `target`'s address, made if nobody holds it; an existing one keeps its credentials.
  // kInvalidArgument: see NewMilvusTarget.
  Result<std::shared_ptr<StandbyHub>> Hold(const TargetOptions& target);

  // The standby of `before` is now reached as `now` says, which it has accepted. If somebody holds
  // its hub, that one goes on so, for whoever holds it. kUnavailable: somebody still holds the hub
  // of another standby that had this address.
  Status Change(const TargetOptions& before, const TargetOptions& now);

 private:
  const std::function<Status()> may_send_;
  Mutex mutex_;
  // By Endpoint::Key. One standby must not have two: their stamps would not rise in one order.
  std::map<std::string, std::weak_ptr<StandbyHub>> hubs_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
