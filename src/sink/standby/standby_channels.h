#pragma once

#include <chrono>
#include <functional>
#include <set>
#include <stop_token>
#include <string>

#include "base/status.h"
#include "milvus/milvus_channel.h"

namespace cdc {

// Asks a standby for the pchannels of all its collections, one call at a time. `done` is called
// once, from a thread of gRPC or from this one; `channel` must live until then. After `stop` no
// further call is begun.
void ListPchannels(MilvusChannel* channel,
                   std::chrono::milliseconds timeout,
                   std::stop_token stop,
                   std::function<void(Result<std::set<std::string>>)> done);

}  // namespace cdc
