#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cdc {

// How much of the source's metadata is on the target.
struct CatalogProgress {
  int64_t revision = 0;              // that the source's catalog has, as it is known
  bool applied = false;              // everything of the task in it is on the target
  std::vector<std::string> pending;  // else: what is under way; may be empty for a moment
};

}  // namespace cdc
