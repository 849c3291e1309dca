#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/status.h"
#include "milvus/milvus_call.h"

namespace cdc {

// Both functions call ListDatabases, a small call that the coordinator answers.

// Returns what distinguishes this Milvus from any other, whatever its address: the creation time of
// its database `default` to the nanosecond, which stays the same for as long as it keeps its etcd.
// Empty: it does not report one (Milvus Lite, Milvus before 2.3).
Result<std::string> ReadMilvusIdentity(const MilvusCalls& calls);

// Checks whether a Milvus answers; returns at once. `done` is called exactly once with its identity
// or an error.
void AskMilvusPulse(MilvusChannel* channel,
                    std::chrono::milliseconds timeout,
                    std::function<void(const Result<std::string>& identity)> done);

}  // namespace cdc
