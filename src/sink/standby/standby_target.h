#pragma once

#include <memory>

#include "base/status.h"
#include "sink/standby/standby_hub.h"
#include "sink/target.h"

namespace cdc {

// The `replicate` sink: a Milvus 2.3.2 to 2.5 that runs as a standby (common.ttMsgEnabled: false).
// Rows are written to its queues through `hub`, everything else is done by its API. A batch becomes
// one message, an upsert a delete of the keys and then the insert; a drop is told to the queues
// before it is done.
//
// A repeat of a write must be an upsert: a server keeps what it has got twice.
Result<std::unique_ptr<Target>> NewStandbyTarget(const TargetOptions& options,
                                                 std::shared_ptr<StandbyHub> hub);

}  // namespace cdc
