#pragma once

#include "base/status.h"
#include "sink/milvus_channel.h"
#include "sink/target.h"

namespace cdc {

// What a channel to the target needs, with the content of the files. kNotFound, kInvalidArgument: a
// PEM file that is not there, or is none.
Result<MilvusChannel::Credentials> ReadCredentials(const TargetOptions& options);

}  // namespace cdc
