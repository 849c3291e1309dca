#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "base/status.h"
#include "model/ids.h"

namespace cdc {

// The place of a record in a log: its segment, and its number there. Both count from 0 without
// gaps.
struct WoodpeckerId {
  int64_t segment = 0;
  int64_t entry = 0;

  auto operator<=>(const WoodpeckerId&) const = default;

  // As Milvus prints it: "3/17".
  std::string ToString() const;
};

// The LogMessageIdData that Milvus stores in positions, but zeros are written out, so that no
// position is empty.
MsgId EncodeWoodpeckerId(const WoodpeckerId& id);

// Accepts what Milvus writes: a number that is missing is 0. kInvalidArgument: anything else, or a
// negative number.
Result<WoodpeckerId> DecodeWoodpeckerId(const MsgId& id);

}  // namespace cdc
