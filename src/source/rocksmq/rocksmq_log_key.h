#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "model/ids.h"

namespace cdc {

// Ids of RocksMQ records and the keys under which RocksDB holds them.

MsgId EncodeRocksmqId(int64_t id);
// kInvalidArgument: not 8 bytes, or negative.
Result<int64_t> DecodeRocksmqId(const MsgId& id);

// "<topic>/<id>". Ids have 18 digits until the year 2090, so keys of a topic sort as their ids do.
std::string RocksmqKey(std::string_view topic, int64_t id);
// What every key of `topic` begins with; "a_1/" is no prefix of the keys of topic "a_10".
std::string RocksmqPrefix(std::string_view topic);
// The smallest text that is above every key of `topic`.
std::string RocksmqUpperBound(std::string_view topic);
// The id in a key without its prefix; nullopt if it is not a plain decimal number.
std::optional<int64_t> ParseRocksmqId(std::string_view digits);

}  // namespace cdc
