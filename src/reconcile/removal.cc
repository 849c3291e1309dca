#include "reconcile/removal.h"

#include <algorithm>

namespace cdc {

Result<Removal> Removal::Begin(Log* log, const std::vector<std::string>& channels) {
  Removal removal;
  for (const std::string& channel : channels) {
    CDC_ASSIGN_OR_RETURN(removal.ends_[channel], log->Latest(channel));
  }
  return removal;
}

bool Removal::HasReadAll(const RouteView& routes) {
  read_all_ = read_all_ || std::all_of(ends_.begin(), ends_.end(), [&](const auto& each) {
                return routes.HasReadTo(each.first, each.second);
              });
  return read_all_;
}

}  // namespace cdc
