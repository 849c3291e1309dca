#pragma once

#include <string>

#include "base/status.h"
#include "milvus/milvus_channel.h"
#include "model/tls.h"

namespace cdc {

// Returns what a channel to the target needs, with the content of the files. kNotFound: a file does
// not exist. kInvalidArgument: it is not a PEM file.
Result<MilvusChannel::Credentials> ReadCredentials(const std::string& token, const TlsOptions& tls);

}  // namespace cdc
