#pragma once

#include <map>
#include <string>

#include "base/status.h"
#include "model/catalog.h"
#include "model/takeover.h"
#include "source/log.h"

namespace cdc {

// Whether the queue still holds where the log takes over from a copy, by vchannel. kOutOfRange: it
// does not. A takeover without a position is not looked at.
Status CheckTakeovers(const Collection& collection,
                      const std::map<std::string, Takeover>& takeovers,
                      Log* log);

}  // namespace cdc
