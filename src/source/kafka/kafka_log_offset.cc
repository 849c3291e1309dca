#include "source/kafka/kafka_log_offset.h"

#include <cstddef>

namespace cdc {
namespace {

constexpr size_t kIdBytes = 8;

}  // namespace

MsgId EncodeKafkaOffset(int64_t offset) {
  MsgId id;
  auto rest = static_cast<uint64_t>(offset);
  for (size_t i = 0; i < kIdBytes; ++i, rest >>= 8) {
    id.bytes.push_back(static_cast<char>(rest & 0xff));
  }
  return id;
}

Result<int64_t> DecodeKafkaOffset(const MsgId& id) {
  if (id.bytes.size() != kIdBytes) {
    return InvalidArgumentError("a Kafka position has 8 bytes: " + std::to_string(id.bytes.size()));
  }
  uint64_t value = 0;
  for (size_t i = kIdBytes; i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(id.bytes[i]);
  }
  const auto offset = static_cast<int64_t>(value);
  if (offset < 0) {
    return InvalidArgumentError("a Kafka position is not negative: " + std::to_string(offset));
  }
  return offset;
}

Status CheckKafkaOffset(const std::string& channel,
                        int64_t offset,
                        const KafkaWatermarks& watermarks) {
  if (offset < watermarks.low) {
    return OutOfRangeError("position expired: channel " + channel + ": " + std::to_string(offset) +
                           " < " + std::to_string(watermarks.low));
  }
  if (offset > watermarks.high) {
    return FailedPreconditionError(
        "position behind the end of the log, is this the Kafka of the same Milvus: channel " +
        channel + ": " + std::to_string(offset) + " > " + std::to_string(watermarks.high));
  }
  return OkStatus();
}

}  // namespace cdc
