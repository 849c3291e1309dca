#pragma once

#include <optional>

#include "base/status.h"
#include "model/flush_request.h"
#include "model/message.h"

namespace cdc {

// Decodes one record of the replicate channel. Returns nullopt for everything but a Flush, the only
// operation the catalog does not show. kDataLoss: malformed.
Result<std::optional<FlushRequestInfo>> DecodeFlush(const Payload& payload);

}  // namespace cdc
