#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "kafka/kafka_client.h"
#include "model/ids.h"

namespace cdc {

// Offsets of Kafka records and the ids for them.

MsgId EncodeKafkaOffset(int64_t offset);
// kInvalidArgument: not 8 bytes, or negative.
Result<int64_t> DecodeKafkaOffset(const MsgId& id);

// Whether reading `channel` from `offset` on misses nothing; `offset` may be the end itself.
//
// kOutOfRange: it has expired. kFailedPrecondition: it is beyond the end, so it is from another
// log.
Status CheckKafkaOffset(const std::string& channel,
                        int64_t offset,
                        const KafkaWatermarks& watermarks);

}  // namespace cdc
