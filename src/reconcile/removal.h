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

// The removal of a collection or partition: it waits until every channel has been read to the end
// that it had when the removal was noticed. The rows of all that was removed lie before that end.
class Removal {
 public:
  // Asks the log for the ends of the channels.
  static Result<Removal> Begin(Log* log, const std::vector<std::string>& channels);

  // Whether all channels have been read to their ends; once true, always true.
  bool HasReadAll(const RouteView& routes);

 private:
  std::map<std::string, std::optional<MsgId>> ends_;  // by channel; nullopt: it was empty
  bool read_all_ = false;
};

}  // namespace cdc
