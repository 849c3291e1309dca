#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "model/ids.h"

namespace cdc {

// Offsets of Kafka records and their ids.

MsgId EncodeKafkaOffset(int64_t offset);
// kInvalidArgument: not 8 bytes, or negative.
Result<int64_t> DecodeKafkaOffset(const MsgId& id);

// What a partition holds: the offsets from `low` on, before `high`.
struct KafkaWatermarks {
  int64_t low = 0;
  int64_t high = 0;
};

// Whether reading `channel` from `offset` on brings all there is from there; `offset` may be the
// end itself.
//
// kOutOfRange: it is no longer there. kFailedPrecondition: it is behind the end, so this is not the
// log it was taken from.
Status CheckKafkaOffset(const std::string& channel,
                        int64_t offset,
                        const KafkaWatermarks& watermarks);

}  // namespace cdc
