#pragma once

#include <chrono>
#include <memory>

#include "base/status.h"
#include "sink/target.h"

namespace cdc {

// The `api` sink: any Milvus >= 2.2, Milvus Lite, Zilliz Cloud. Nothing is connected yet.
// kInvalidArgument: the uri, or a PEM file that cannot be read. The destructor waits for the
// callbacks of writes, so it must not run inside one.
Result<std::unique_ptr<Target>> NewMilvusTarget(const TargetOptions& options);

// See TargetFactory::Check: of a Milvus of any kind, a standby too.
Result<TargetInfo> CheckMilvus(const TargetOptions& options, std::chrono::milliseconds timeout);

}  // namespace cdc
