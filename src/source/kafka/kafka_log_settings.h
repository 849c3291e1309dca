#pragma once

#include <map>
#include <string>

#include "base/status.h"
#include "source/kafka/kafka_log.h"

namespace cdc {

// The settings of librdkafka for these options, by librdkafka's names.
//
// kInvalidArgument: no address, or a setting in `consumer` that is fixed.
Result<std::map<std::string, std::string>> KafkaSettings(const KafkaOptions& options);

}  // namespace cdc
