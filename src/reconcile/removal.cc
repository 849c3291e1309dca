#include "reconcile/removal.h"

#include <algorithm>

namespace cdc {

Result<Removal> Removal::Begin(const CollectionContext& context,
                               const std::vector<std::string>& channels) {
  Removal removal;
  for (const std::string& channel : channels) {
    CDC_ASSIGN_OR_RETURN(removal.ends_[channel], context.log->Latest(channel));
  }
  CDC_ASSIGN_OR_RETURN(removal.in_time_,
                       IsStillInTime(*context.scope, context.catalog, context.target->stop()));
  return removal;
}

bool Removal::HasReadAll(const RouteView& routes) {
  read_all_ = read_all_ || std::all_of(ends_.begin(), ends_.end(), [&](const auto& each) {
                return routes.HasReadTo(each.first, each.second);
              });
  return read_all_;
}

}  // namespace cdc
