#include "sink/standby/standby_hubs.h"

#include "milvus/endpoint.h"
#include "sink/standby/standby_hub.h"

namespace cdc {

Result<std::shared_ptr<StandbyHub>> StandbyHubs::Hold(const TargetOptions& target) {
  CDC_ASSIGN_OR_RETURN(const Endpoint endpoint, ParseEndpoint(target.uri));
  MutexLock lock(mutex_);
  std::weak_ptr<StandbyHub>& known = hubs_[endpoint.Key()];
  if (std::shared_ptr<StandbyHub> hub = known.lock()) {
    return hub;
  }
  CDC_ASSIGN_OR_RETURN(std::unique_ptr<StandbyHub> made,
                       StandbyHub::New(target, {.may_send = may_send_}));
  std::shared_ptr<StandbyHub> hub(std::move(made));
  known = hub;
  return hub;
}

Status StandbyHubs::Change(const TargetOptions& before, const TargetOptions& now) {
  CDC_ASSIGN_OR_RETURN(const Endpoint old_endpoint, ParseEndpoint(before.uri));
  CDC_ASSIGN_OR_RETURN(const Endpoint endpoint, ParseEndpoint(now.uri));
  // Destroyed after the lock is released, if it is the last one that holds the hub.
  std::shared_ptr<StandbyHub> hub;
  MutexLock lock(mutex_);
  hub = hubs_[old_endpoint.Key()].lock();
  if (hub == nullptr) {
    return OkStatus();  // whoever needs one makes it
  }
  if (old_endpoint.Key() != endpoint.Key()) {
    if (!hubs_[endpoint.Key()].expired()) {
      return UnavailableError("another standby that had the address " + now.uri +
                              " is still in use: try again");
    }
    CDC_RETURN_IF_ERROR(hub->UseAccess(now));
    hubs_.erase(old_endpoint.Key());
    hubs_[endpoint.Key()] = hub;
    return OkStatus();
  }
  return hub->UseAccess(now);
}

}  // namespace cdc
