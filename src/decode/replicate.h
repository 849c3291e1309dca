#pragma once

#include <variant>

#include "base/status.h"
#include "model/flush_request.h"
#include "model/message.h"
#include "model/password_change.h"

namespace cdc {

// The requests that the catalog does not show. Monostate: any other.
using ReplicatedRequest = std::variant<std::monostate, FlushRequestInfo, PasswordChange>;

// Decodes one record of the replicate channel. Without `with_passwords` those are not looked at.
// kDataLoss: malformed.
Result<ReplicatedRequest> DecodeReplicated(const Payload& payload, bool with_passwords);

}  // namespace cdc
