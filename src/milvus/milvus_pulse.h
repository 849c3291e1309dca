#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/status.h"
#include "milvus/milvus_call.h"

namespace cdc {

// Both ask by ListDatabases, a small call that the coordinator answers.

// What tells this Milvus from any other, by whatever address it is reached: when its database
// `default` was made, to the nanosecond (at its first start, and never again with the same etcd).
// Empty: it does not say (Milvus Lite, Milvus before 2.3).
Result<std::string> ReadMilvusIdentity(const MilvusCalls& calls);

// Asks whether a Milvus serves, and returns at once. `done` is called exactly once, with its
// identity.
void AskMilvusPulse(MilvusChannel* channel,
                    std::chrono::milliseconds timeout,
                    std::function<void(const Result<std::string>& identity)> done);

}  // namespace cdc
