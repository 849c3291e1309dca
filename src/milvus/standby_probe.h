#pragma once

#include "base/status.h"
#include "milvus/milvus_call.h"

namespace cdc {

// What to do about a target that is not a standby, or no longer.
inline constexpr const char* kNoStandby =
    "the target is no standby: set common.ttMsgEnabled: false in its milvus.yaml and restart it, "
    "or create the task with sink_mode api";

// Asks whether a Milvus is a standby, by a ReplicateMessage without a channel: nothing is written.
// An instance that takes inserts refuses it by a code of its own, older servers and Milvus Lite do
// not know the call.
Result<bool> ProbeStandby(const MilvusCalls& calls);

}  // namespace cdc
