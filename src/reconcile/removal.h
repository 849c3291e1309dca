#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/ids.h"
#include "reconcile/collection_context.h"
#include "rows/route_view.h"

namespace cdc {

// The removal of a collection or partition. It waits until every channel has been read up to the
// end it had when the removal was noticed: all rows of what was removed come before that end.
class Removal {
 public:
  // Looks up the current end of each channel in the log, and for a task with `stop_at`, whether the
  // source has passed that time. Errors: see Log and CatalogSource.
  static Result<Removal> Begin(const CollectionContext& context,
                               const std::vector<std::string>& channels);

  // Whether the target may follow: not if the removal may have come after the task's `stop_at`.
  bool in_time() const { return in_time_; }

  // Whether all channels have been read up to those ends. Once true, it stays true.
  bool HasReadAll(const RouteView& routes);

 private:
  std::map<std::string, std::optional<MsgId>> ends_;  // by channel; nullopt: the channel was empty
  bool read_all_ = false;
  bool in_time_ = true;
};

}  // namespace cdc
