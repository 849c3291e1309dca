#pragma once

#include <map>
#include <string>

#include "base/status.h"

namespace cdc {

// librdkafka's settings, under its own names.
using KafkaSettingMap = std::map<std::string, std::string>;

// Where a Kafka cluster is, and who we are there.
struct KafkaConnection {
  std::string address{};  // "host:port", several separated by commas: the bootstrap servers

  // Empty: no authentication. With a user name, `sasl_mechanisms` defaults to PLAIN and
  // `security_protocol` to SASL_SSL: no password is sent in clear text unless one asks for it.
  std::string sasl_username{};
  std::string sasl_password{};
  std::string sasl_mechanisms{};
  std::string security_protocol{};
};

// What every client of ours is set to. kInvalidArgument: no address.
Result<KafkaSettingMap> ConnectionSettings(const KafkaConnection& connection);

// Lays the user's settings over ours. kInvalidArgument: one of `fixed`, with another value.
Status AddUserSettings(const KafkaSettingMap& user,
                       const KafkaSettingMap& fixed,
                       KafkaSettingMap* settings);

}  // namespace cdc
