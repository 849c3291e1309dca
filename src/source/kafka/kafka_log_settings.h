#pragma once

#include <map>
#include <string>

#include "base/status.h"
#include "source/kafka/kafka_log.h"

namespace cdc {

// The librdkafka settings for these options, under librdkafka's names.
//
// kInvalidArgument: no address, or `consumer` changes a fixed setting.
Result<std::map<std::string, std::string>> KafkaSettings(const KafkaOptions& options);

}  // namespace cdc
