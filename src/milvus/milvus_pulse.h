#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/status.h"
#include "milvus/milvus_channel.h"

namespace cdc {

// Asks whether a Milvus serves, by ListDatabases: a small call that its coordinator answers.
// Returns at once; `done` is called exactly once, with what tells this Milvus from any other: when
// its database `default` was made, to the nanosecond (at its first start, and never again with the
// same etcd). Empty: it does not say (Milvus Lite, Milvus before 2.3).
void AskMilvusPulse(MilvusChannel* channel,
                    std::chrono::milliseconds timeout,
                    std::function<void(const Result<std::string>& identity)> done);

}  // namespace cdc
