#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "model/ids.h"

namespace cdc {

// Ids of RocksMQ records and their keys in RocksDB.

MsgId EncodeRocksmqId(int64_t id);
// kInvalidArgument: not 8 bytes, or negative.
Result<int64_t> DecodeRocksmqId(const MsgId& id);

// "<topic>/<id>". Ids have 18 digits until the year 2090, so the keys of a topic sort like its ids.
std::string RocksmqKey(std::string_view topic, int64_t id);
// The prefix of all keys of `topic`; "a_1/" is not a prefix of the keys of topic "a_10".
std::string RocksmqPrefix(std::string_view topic);
// The smallest string above every key of `topic`.
std::string RocksmqUpperBound(std::string_view topic);
// Parses a key without its prefix; nullopt if it is not a plain decimal number.
std::optional<int64_t> ParseRocksmqId(std::string_view digits);

}  // namespace cdc
