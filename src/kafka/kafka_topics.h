#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/status.h"
#include "kafka/kafka_client.h"

namespace cdc {

// kInvalidArgument, with Kafka's rule, unless a topic can have this name.
Status CheckTopicName(const std::string& name);

struct NewTopic {
  std::string name{};
  int partitions = 1;
  int replication_factor = -1;  // -1: what the cluster has as its default
  bool compacted = false;       // keeps the newest record of each key for ever
};

// Makes those topics that do not exist yet; the others stay as they are, whatever their number of
// partitions. Returns when all of them can be written to.
//
// kPermissionDenied, kInvalidArgument (a name, too many replicas): refused, with the broker's
// words. kUnavailable: no answer within `timeout`.
Status CreateTopics(KafkaClient* client,
                    const std::vector<NewTopic>& topics,
                    std::chrono::milliseconds timeout);

}  // namespace cdc
