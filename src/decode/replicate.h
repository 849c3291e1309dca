#pragma once

#include <optional>

#include "base/status.h"
#include "model/flush_request.h"
#include "model/message.h"

namespace cdc {

// Decodes one record of the replicate channel. Only Flush is an act that leaves no trace in the
// catalog: everything else gives nullopt. kDataLoss: malformed.
Result<std::optional<FlushRequestInfo>> DecodeFlush(const Payload& payload);

}  // namespace cdc
