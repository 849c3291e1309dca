#pragma once

#include <string>
#include <vector>

#include "model/ids.h"

namespace cdc {

// A Flush that a user has asked the source for, at `ts`.
struct FlushRequestInfo {
  std::string database;
  std::vector<std::string> collections;
  Timestamp ts;
  bool operator==(const FlushRequestInfo&) const = default;
};

}  // namespace cdc
