#pragma once

#include <chrono>

#include "base/status.h"
#include "milvus/milvus_channel.h"

namespace cdc {

// Asks whether a Milvus is a standby, by a ReplicateMessage without a channel: nothing is written.
// An instance that takes inserts refuses it by a code of its own, older servers and Milvus Lite do
// not know the call.
Result<bool> ProbeStandby(MilvusChannel* channel, std::chrono::milliseconds timeout);

}  // namespace cdc
