#include "kafka/kafka_connection.h"

namespace cdc {

Result<KafkaSettingMap> ConnectionSettings(const KafkaConnection& connection) {
  if (connection.address.empty()) {
    return InvalidArgumentError("the address is empty");
  }
  KafkaSettingMap settings = {
      {"bootstrap.servers", connection.address},
      {"client.id", "milvus-cdc"},
      {"socket.nagle.disable", "true"},
      {"socket.keepalive.enable", "true"},
      // After this time a hanging broker is detected.
      {"socket.timeout.ms", "10000"},
      {"reconnect.backoff.ms", "100"},
      {"reconnect.backoff.max.ms", "1000"},
      // Brokers close idle connections; that is not worth reporting.
      {"log.connection.close", "false"},
  };
  if (!connection.sasl_username.empty()) {
    settings["sasl.username"] = connection.sasl_username;
    settings["sasl.password"] = connection.sasl_password;
    settings["sasl.mechanisms"] = "PLAIN";
    settings["security.protocol"] = "SASL_SSL";
  }
  if (!connection.sasl_mechanisms.empty()) {
    settings["sasl.mechanisms"] = connection.sasl_mechanisms;
  }
  if (!connection.security_protocol.empty()) {
    settings["security.protocol"] = connection.security_protocol;
  }
  return settings;
}

Status AddUserSettings(const KafkaSettingMap& user,
                       const KafkaSettingMap& fixed,
                       KafkaSettingMap* settings) {
  for (const auto& [key, value] : user) {
    const auto wanted = fixed.find(key);
    if (wanted != fixed.end() && wanted->second != value) {
      return InvalidArgumentError(key + " cannot be changed: it is " + wanted->second);
    }
    (*settings)[key] = value;
  }
  for (const auto& [key, value] : fixed) {
    (*settings)[key] = value;
  }
  return OkStatus();
}

}  // namespace cdc
