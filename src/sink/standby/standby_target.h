#pragma once

#include <memory>

#include "base/status.h"
#include "sink/standby/standby_hub.h"
#include "sink/target.h"

namespace cdc {

// The `replicate` sink: a Milvus 2.3.2 to 2.5 that runs as a standby (common.ttMsgEnabled: false).
// Rows go to its queues through `hub`, everything else goes through its API. A batch becomes one
// message, or two for an upsert: a delete of the keys, then the insert. A drop is announced in the
// queues before it is executed.
//
// A write must be repeated as an upsert, because a standby keeps both copies of a repeated insert.
Result<std::unique_ptr<Target>> NewStandbyTarget(const TargetOptions& options,
                                                 std::shared_ptr<StandbyHub> hub);

}  // namespace cdc
