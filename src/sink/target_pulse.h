#pragma once

#include <chrono>
#include <string>

#include "base/status.h"
#include "sink/milvus_channel.h"
#include "sink/target.h"

namespace cdc {

// Target::AskPulse of a Milvus: ListDatabases, a small call that its coordinator answers. The
// identity is when its database `default` was made, to the nanosecond: at its first start, and
// never again with the same etcd.
void AskMilvusPulse(MilvusChannel* channel,
                    std::chrono::milliseconds timeout,
                    Target::PulseDone done);

// Target::AskPulse, waited for.
Result<std::string> WaitForPulse(Target& target, std::chrono::milliseconds timeout);

}  // namespace cdc
