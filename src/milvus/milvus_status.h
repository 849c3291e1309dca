#pragma once

#include "base/status.h"

namespace milvus::proto::common {
class Status;
}
namespace milvus::proto::milvus {
class MutationResult;
}

namespace cdc {

// The code with which a Milvus that is not a standby refuses ReplicateMessage.
inline constexpr int kDenyReplicateMessage = 1900;

// Converts a Milvus' answer to our Status. Has the only table of its codes (and of the words of
// servers that give no code). The message holds the target's own words and its code.
Status FromMilvusStatus(const ::milvus::proto::common::Status& status);

// Whether a write with this error was certainly not executed, not even in part, because the server
// refused it before it did anything.
bool IsCleanRefusal(const ::milvus::proto::common::Status& status);

// Converts the outcome of a write. An answer that lists failed rows is an error even if it reports
// success. Sets `*in_doubt` unless nothing was written.
Status FromMutationResult(const ::milvus::proto::milvus::MutationResult& result, bool* in_doubt);

}  // namespace cdc
