#pragma once

#include <cstdint>

#include "model/ids.h"

namespace cdc {

// SQLite's integers are signed; a timestamp keeps its bits.
inline int64_t ToStored(Timestamp ts) { return static_cast<int64_t>(ts.value); }
inline Timestamp FromStored(int64_t value) { return {static_cast<uint64_t>(value)}; }

}  // namespace cdc
