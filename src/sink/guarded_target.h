#pragma once

#include <functional>
#include <memory>

#include "base/status.h"
#include "sink/target.h"

namespace cdc {

// A target that is changed only while `may_write` allows it: it is called before each write of
// rows, each change of metadata and each change of users, and must return at once. Its error
// becomes kUnavailable, with nothing sent, so that nobody takes it for the target's refusal.
//
// `may_write` must be callable as long as the target lives.
std::unique_ptr<Target> NewGuardedTarget(std::unique_ptr<Target> target,
                                         std::function<Status()> may_write);

}  // namespace cdc
