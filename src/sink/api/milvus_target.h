#pragma once

#include <chrono>
#include <memory>

#include "base/status.h"
#include "sink/target.h"

namespace cdc {

// Creates a target of the kind `api`: any Milvus >= 2.2, Milvus Lite, Zilliz Cloud. Does not
// connect yet. kInvalidArgument: a malformed uri, or a PEM file that cannot be read. The destructor
// waits for the callbacks of writes, so it must not run inside one.
Result<std::unique_ptr<Target>> NewMilvusTarget(const TargetOptions& options);

// See TargetFactory::Check. Works for a Milvus of any kind, including a standby.
Result<TargetInfo> CheckMilvus(const TargetOptions& options, std::chrono::milliseconds timeout);

}  // namespace cdc
