#pragma once

#include <chrono>
#include <map>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "kafka/kafka_connection.h"

namespace cdc {

struct CompactedTopicOptions {
  KafkaConnection connection{};
  KafkaSettingMap settings{};  // additional ones of librdkafka, for TLS and the like
  std::string topic{};
  std::chrono::milliseconds timeout{30'000};
  const Clock* clock = &Clock::Real();
};

// Reads what an existing topic of one partition holds: the newest value of each key, without those
// that were deleted by a tombstone.
//
// Complete as of this call: what was committed before is there, what was aborted is not. Waits for
// transactions that are still open, so open the producer that writes to this topic first.
// kUnavailable: not read to its end within the timeout, with the reason; also if the broker does
// not know the topic, which after its start it may not know yet. kPermissionDenied. kCancelled:
// stopped. kFailedPrecondition: the topic has several partitions.
Result<std::map<std::string, std::string>> ReadCompactedTopic(const CompactedTopicOptions& options,
                                                              const std::stop_token& stop);

}  // namespace cdc
