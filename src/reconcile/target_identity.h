#pragma once

#include <string>

#include "base/status.h"

namespace cdc {

// Whether the target that answers is the one that a task was made for; an empty text is not known
// and says nothing. kFailedPrecondition: another Milvus, which has none of what was written so far.
inline Status CheckTargetIdentity(const std::string& expected_identity,
                                  const std::string& answers) {
  if (expected_identity.empty() || answers.empty() || expected_identity == answers) {
    return OkStatus();
  }
  return FailedPreconditionError(
      "the target is another Milvus than the one this task was made for (its default database was "
      "made at another time), and has none of the rows up to now: bring the old one back and "
      "resume, or delete the task and create a new one with start_from earliest");
}

}  // namespace cdc
