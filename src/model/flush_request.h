#pragma once

#include <string>
#include <vector>

#include "model/ids.h"

namespace cdc {

// A Flush that a user requested on the source at `ts`.
struct FlushRequestInfo {
  std::string database;
  std::vector<std::string> collections;
  Timestamp ts;
  bool operator==(const FlushRequestInfo&) const = default;
};

}  // namespace cdc
