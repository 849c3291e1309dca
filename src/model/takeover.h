#pragma once

#include "model/ids.h"

namespace cdc {

// Where the log of a vchannel goes on after a copy of stored rows: whoever reads it from `position`
// on, inclusive, and skips what has a time at or below `ts`, misses nothing and gets nothing twice.
struct Takeover {
  MsgId position;
  Timestamp ts;
  bool operator==(const Takeover&) const = default;
};

}  // namespace cdc
