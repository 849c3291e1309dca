#pragma once

#include <string>

#include "base/status.h"
#include "milvus/milvus_channel.h"
#include "model/tls.h"

namespace cdc {

// What a channel to the target needs, with the content of the files. kNotFound, kInvalidArgument: a
// PEM file that is not there, or is none.
Result<MilvusChannel::Credentials> ReadCredentials(const std::string& token, const TlsOptions& tls);

}  // namespace cdc
