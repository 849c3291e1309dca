#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "base/status.h"
#include "source/log.h"

namespace cdc {

struct KafkaOptions {
  std::string address;  // "host:port", several separated by commas: where to ask for the cluster

  // Empty: without. With a user name, `sasl_mechanisms` is PLAIN and `security_protocol` SASL_SSL
  // unless they say otherwise.
  std::string sasl_username;
  std::string sasl_password;
  std::string sasl_mechanisms;
  std::string security_protocol;

  // Further settings of librdkafka by their own names, e.g. "ssl.ca.location". They win over ours,
  // except where reading would no longer be complete: such a one is refused.
  std::map<std::string, std::string> consumer;

  // What is read ahead for each channel, about; a single larger record is read nevertheless.
  size_t prefetch_bytes = 1U << 20;
};

// The queue of a Milvus cluster: partition 0 of a topic is a channel. MsgId holds the offset as
// 8 bytes, little-endian. Nothing is written to Kafka: no topic, no consumer group, no commit.
//
// Each reader has connections of its own. Payloads of large records point into librdkafka's buffers
// and may outlive reader and log.
//
// kInvalidArgument: a setting is wrong. kUnavailable: no broker answered within five seconds, or
// none let us in; the message names the address and says what the broker or librdkafka said.
Result<std::unique_ptr<Log>> OpenKafkaLog(KafkaOptions options);

}  // namespace cdc
