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

}  // namespace cdc
