#pragma once

#include "model/ids.h"

namespace cdc {

// Where the log of a vchannel goes on after a copy of stored rows: whoever reads it from `position`
// on, inclusive, and skips what has a time at or below `ts`, misses nothing. Inserts up to
// `seen_until` may be in the copy, too: only later ones are certain not to be.
struct Takeover {
  MsgId position;
  Timestamp ts;
  Timestamp seen_until = {};  // 0: `ts`; known when the copy is done
  bool operator==(const Takeover&) const = default;
};

}  // namespace cdc
