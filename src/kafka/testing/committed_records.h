#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "kafka/kafka_connection.h"

namespace cdc {

struct CommittedRecord {
  int partition = 0;
  std::string key{};
  std::optional<std::string> value{};  // nullopt: a tombstone

  bool operator==(const CommittedRecord&) const = default;
};

// What a reader of committed records sees of a topic now: partition by partition, in their order.
Result<std::vector<CommittedRecord>> ReadCommitted(const KafkaConnection& connection,
                                                   const std::string& topic);

}  // namespace cdc
