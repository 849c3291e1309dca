#pragma once

#include "base/status.h"
#include "kafka/kafka_connection.h"
#include "source/kafka/kafka_log.h"

namespace cdc {

// The librdkafka settings for these options, under librdkafka's names.
//
// kInvalidArgument: no address, or `consumer` changes a fixed setting.
Result<KafkaSettingMap> KafkaSettings(const KafkaOptions& options);

}  // namespace cdc
