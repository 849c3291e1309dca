#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/message.h"

namespace cdc {

// Messages made from a few numbers, for tests. Ids are the decimal text of `at`.
MessagePtr MakeTick(int at, uint64_t ts);
MessagePtr MakeDrop(int at, uint64_t ts);

// Row messages with the key column `kTestKey` and `at` as message_id.
inline constexpr FieldId kTestKey{100};
MessagePtr MakeInsert(int at, uint64_t ts, const std::vector<int64_t>& keys);
MessagePtr MakeDelete(int at, uint64_t ts, const std::vector<int64_t>& keys);
MessagePtr MakeInsert(int at, uint64_t ts, const std::vector<std::string>& keys);
MessagePtr MakeDelete(int at, uint64_t ts, const std::vector<std::string>& keys);

// Copies a row message with another message_id.
MessagePtr WithMessageId(const MessagePtr& message, int64_t message_id);

// "I1 D2 …": type and id of each message.
std::string Show(const MessagePtr& message);

}  // namespace cdc
