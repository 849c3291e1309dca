#pragma once

#include "base/status.h"
#include "milvus/milvus_call.h"

namespace cdc {

// The message about a target that is not a standby, or is one no longer.
inline constexpr const char* kNoStandby =
    "the target is not a standby: set common.ttMsgEnabled: false in its milvus.yaml and restart "
    "it, or create the task with sink_mode api";

// Whether a Milvus is a standby. Sends a ReplicateMessage without a channel, which writes nothing:
// a Milvus that accepts inserts refuses it with a code of its own, and older servers and Milvus
// Lite do not know the call.
//
// kPermissionDenied, kUnauthenticated: the user may not make the call, which tells nothing about
// the server.
Result<bool> ProbeStandby(const MilvusCalls& calls);

}  // namespace cdc
