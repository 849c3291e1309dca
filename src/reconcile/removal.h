#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/ids.h"
#include "rows/route_view.h"
#include "source/log.h"

namespace cdc {

// The removal of a collection or partition. It waits until every channel has been read up to the
// end it had when the removal was noticed: all rows of what was removed come before that end.
class Removal {
 public:
  // Looks up the current end of each channel in the log.
  static Result<Removal> Begin(Log* log, const std::vector<std::string>& channels);

  // Whether all channels have been read up to those ends. Once true, it stays true.
  bool HasReadAll(const RouteView& routes);

 private:
  std::map<std::string, std::optional<MsgId>> ends_;  // by channel; nullopt: the channel was empty
  bool read_all_ = false;
};

}  // namespace cdc
