#pragma once

#include "base/status.h"

namespace milvus::proto::common {
class Status;
}
namespace milvus::proto::milvus {
class MutationResult;
}

namespace cdc {

// The code with which a Milvus that is no standby refuses ReplicateMessage.
inline constexpr int kDenyReplicateMessage = 1900;

// What a Milvus answered, as our Status: the one table of its codes (and of the words of those
// servers that give no code). The message holds the target's own words and its code.
Status FromMilvusStatus(const ::milvus::proto::common::Status& status);

// Whether a write that was answered with this error has certainly not been executed, not even in
// part: the server refused before it did anything.
bool IsCleanRefusal(const ::milvus::proto::common::Status& status);

// The outcome of a write. An answer that lists failed rows is an error even if it claims success;
// `*in_doubt` is set unless nothing was written.
Status FromMutationResult(const ::milvus::proto::milvus::MutationResult& result, bool* in_doubt);

}  // namespace cdc
