#pragma once

// For .cc files only: it brings librdkafka's header.
#include <algorithm>
#include <chrono>
#include <memory>

#include <librdkafka/rdkafka.h>

#include "base/clock.h"
#include "base/freed.h"

namespace cdc {

// Objects of librdkafka that are freed with their owner.
using KafkaTopicHandle = std::unique_ptr<rd_kafka_topic_t, Freed<rd_kafka_topic_destroy>>;
using KafkaMessageHandle = std::unique_ptr<rd_kafka_message_t, Freed<rd_kafka_message_destroy>>;
using KafkaErrorHandle = std::unique_ptr<rd_kafka_error_t, Freed<rd_kafka_error_destroy>>;

// A time as librdkafka takes it.
inline int ToMs(std::chrono::milliseconds time) { return static_cast<int>(time.count()); }

// What is left until then; not negative.
inline std::chrono::milliseconds Left(const Clock& clock, Clock::TimePoint deadline) {
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(deadline - clock.Now()),
                  std::chrono::milliseconds(0));
}

}  // namespace cdc
