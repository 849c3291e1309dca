#include "source/kafka/kafka_log_settings.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace cdc {
namespace {

// With other values records would be skipped or read from the wrong place, or traces would be left
// in the source.
constexpr auto kFixed = std::to_array<std::pair<const char*, const char*>>({
    {"auto.offset.reset", "error"},
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"enable.partition.eof", "false"},
    {"allow.auto.create.topics", "false"},
    {"log.queue", "true"},
});

constexpr auto kDefaults = std::to_array<std::pair<const char*, const char*>>({
    {"client.id", "milvus-cdc"},
    // A fetch is answered as soon as there is data. The wait matters to a channel that was full or
    // is new: only the next fetch includes it.
    {"fetch.min.bytes", "1"},
    {"fetch.wait.max.ms", "50"},
    // librdkafka also waits this long before it checks a channel that was full.
    {"fetch.error.backoff.ms", "20"},
    // One response is one buffer, kept alive by any large record in it.
    {"fetch.max.bytes", "4194304"},
    {"socket.nagle.disable", "true"},
    {"socket.keepalive.enable", "true"},
    // After this time a hanging broker is detected.
    {"socket.timeout.ms", "10000"},
    {"reconnect.backoff.ms", "100"},
    {"reconnect.backoff.max.ms", "1000"},
    // Brokers close idle connections; that is not worth reporting.
    {"log.connection.close", "false"},
});

Status RefuseFixed(const std::map<std::string, std::string>& consumer) {
  for (const auto& [key, value] : consumer) {
    if (key == "group.id") {
      return InvalidArgumentError("group.id cannot be set: no consumer group is used");
    }
    for (const auto& [fixed, wanted] : kFixed) {
      if (key == fixed && value != wanted) {
        return InvalidArgumentError(key + " cannot be changed: it is " + std::string(wanted));
      }
    }
  }
  return OkStatus();
}

}  // namespace

Result<std::map<std::string, std::string>> KafkaSettings(const KafkaOptions& options) {
  if (options.address.empty()) {
    return InvalidArgumentError("the address is empty");
  }
  CDC_RETURN_IF_ERROR(RefuseFixed(options.consumer));
  std::map<std::string, std::string> settings(kDefaults.begin(), kDefaults.end());
  settings["bootstrap.servers"] = options.address;
  const size_t kilobytes = std::max<size_t>(options.prefetch_bytes >> 10, 1);
  settings["queued.max.messages.kbytes"] = std::to_string(kilobytes);
  settings["fetch.message.max.bytes"] = std::to_string(kilobytes << 10);
  if (!options.sasl_username.empty()) {
    settings["sasl.username"] = options.sasl_username;
    settings["sasl.password"] = options.sasl_password;
    settings["sasl.mechanisms"] = "PLAIN";
    settings["security.protocol"] = "SASL_SSL";  // by default no password is sent in clear text
  }
  if (!options.sasl_mechanisms.empty()) {
    settings["sasl.mechanisms"] = options.sasl_mechanisms;
  }
  if (!options.security_protocol.empty()) {
    settings["security.protocol"] = options.security_protocol;
  }
  for (const auto& [key, value] : options.consumer) {
    settings[key] = value;
  }
  for (const auto& [key, value] : kFixed) {
    settings[key] = value;
  }
  return settings;
}

}  // namespace cdc
