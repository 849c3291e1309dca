#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/ids.h"
#include "model/message.h"

namespace cdc {

// A Flush that a user has asked the source for, at `ts`.
struct FlushRequestInfo {
  std::string database;
  std::vector<std::string> collections;
  Timestamp ts;
  bool operator==(const FlushRequestInfo&) const = default;
};

// Decodes one record of the replicate channel. Only Flush is an act that leaves no trace in the
// catalog: everything else gives nullopt. kDataLoss: malformed.
Result<std::optional<FlushRequestInfo>> DecodeFlush(const Payload& payload);

}  // namespace cdc
