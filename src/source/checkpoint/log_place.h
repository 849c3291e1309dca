#pragma once

#include "model/ids.h"

namespace cdc {

// A place in the source's log: everything up to it has been read.
struct LogPlace {
  MsgId position;
  Timestamp time;
  bool operator==(const LogPlace&) const = default;
};

}  // namespace cdc
