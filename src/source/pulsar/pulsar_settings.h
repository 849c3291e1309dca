#pragma once

#include <map>
#include <string>

#include "base/status.h"
#include "source/pulsar/pulsar_log.h"

namespace cdc {

// "pulsar://host:port,host:port". kInvalidArgument: empty, or another scheme.
Result<std::string> PulsarUrl(const std::string& address);

// The topic of a channel.
std::string PulsarTopic(const PulsarOptions& options, const std::string& channel);

enum class PulsarAuthKind { kNone, kToken, kTokenFile, kTls, kBasic, kOauth2, kAthenz };

struct PulsarAuth {
  PulsarAuthKind kind = PulsarAuthKind::kNone;
  std::string first;   // token, its file, certificate, user, or all parameters as JSON
  std::string second;  // key or password
};

// kInvalidArgument: a plugin that is not known, or a parameter that it needs is missing.
Result<PulsarAuth> PulsarAuthOf(const PulsarOptions& options);

}  // namespace cdc
