#include "source/kafka/kafka_log_settings.h"

#include <algorithm>

namespace cdc {
namespace {

// With other values records would be skipped or read from the wrong place, or traces would be left
// in the source.
const KafkaSettingMap& FixedSettings() {
  static const auto* const fixed = new KafkaSettingMap{
      {"auto.offset.reset", "error"},        {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"}, {"enable.partition.eof", "false"},
      {"allow.auto.create.topics", "false"}, {"log.queue", "true"},
  };
  return *fixed;
}

}  // namespace

Result<KafkaSettingMap> KafkaSettings(const KafkaOptions& options) {
  CDC_ASSIGN_OR_RETURN(KafkaSettingMap settings, ConnectionSettings(options.connection));
  if (options.consumer.contains("group.id")) {
    return InvalidArgumentError("group.id cannot be set: no consumer group is used");
  }
  const size_t kilobytes = std::max<size_t>(options.prefetch_bytes >> 10, 1);
  settings.insert({
      // A fetch is answered as soon as there is data. The wait matters to a channel that was full
      // or is new: only the next fetch includes it.
      {"fetch.min.bytes", "1"},
      {"fetch.wait.max.ms", "50"},
      // librdkafka also waits this long before it checks a channel that was full.
      {"fetch.error.backoff.ms", "20"},
      // One response is one buffer, kept alive by any large record in it.
      {"fetch.max.bytes", "4194304"},
      {"queued.max.messages.kbytes", std::to_string(kilobytes)},
      {"fetch.message.max.bytes", std::to_string(kilobytes << 10)},
  });
  CDC_RETURN_IF_ERROR(AddUserSettings(options.consumer, FixedSettings(), &settings));
  return settings;
}

}  // namespace cdc
