#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "kafka/kafka_connection.h"
#include "source/log.h"

namespace cdc {

struct KafkaOptions {
  KafkaConnection connection{};

  // Additional librdkafka settings under its own names, e.g. "ssl.ca.location". They override ours,
  // except where records could then be missed: those are refused.
  KafkaSettingMap consumer{};

  // The approximate read-ahead per channel; a single larger record is still read.
  size_t prefetch_bytes = 1U << 20;

  const Clock* clock = &Clock::Real();
};

// The queue of a Milvus cluster: partition 0 of a topic is a channel. MsgId holds the offset as 8
// bytes, little-endian. Nothing is written to Kafka: no topic, no consumer group, no commit.
//
// Each reader has its own connections. Payloads of large records point into librdkafka's buffers
// and may outlive reader and log.
//
// kInvalidArgument: a setting is wrong. kUnavailable: no broker answered within five seconds, or
// none accepted our credentials; the message has the address and the text of the broker or
// librdkafka.
Result<std::unique_ptr<Log>> OpenKafkaLog(KafkaOptions options);

}  // namespace cdc
