#pragma once

#include <string>

#include "base/status.h"

namespace cdc {

// Checks that the target with the identity `actual` is the one the task was created for. An empty
// identity is unknown and matches any. kFailedPrecondition: it is another Milvus, which has nothing
// of what was written so far.
inline Status CheckTargetIdentity(const std::string& expected, const std::string& actual) {
  if (expected.empty() || actual.empty() || expected == actual) {
    return OkStatus();
  }
  return FailedPreconditionError(
      "the target is now another Milvus (its default database was created at a different time), "
      "which has none of the rows replicated so far: bring the old one back and resume the task, "
      "or delete the task and create a new one with start_from earliest");
}

}  // namespace cdc
