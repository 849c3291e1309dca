#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "model/ids.h"
#include "model/message.h"

namespace cdc {

// DecodeMessage, for a decoder that has to change something in the message.
Result<std::shared_ptr<Message>> DecodeRecord(MsgId id, Payload payload);

// `payload`, which keeps `text` alive, too. Sets `view` to it.
Payload KeepAlive(Payload payload, std::string text, std::string_view* view);

}  // namespace cdc
