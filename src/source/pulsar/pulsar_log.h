#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "source/log.h"

namespace cdc {

struct PulsarOptions {
  std::string address;  // "pulsar://host:port", "pulsar+ssl://…" or "host:port"; hosts by commas
  std::string tenant = "public";
  // "namespace" is a keyword.
  std::string name_space = "default";

  // Empty: no authentication. "token", "tls", "basic", "oauth2" or "athenz", or the Java class of
  // one of them.
  std::string auth_plugin;
  std::map<std::string, std::string> auth_params;
  std::string tls_ca_file;  // of pulsar+ssl; empty: the system's authorities

  // Apache's client, libpulsar.so; empty: it is searched for.
  std::string library;
  // A topic that is looked up when the log is opened, to see whether the broker answers. This makes
  // no topic.
  std::string known_channel = "by-dev-replicate-msg";

  // The approximate read-ahead per channel, besides the library's own of a few records.
  size_t prefetch_bytes = 1U << 20;

  const Clock* clock = &Clock::Real();
};

// The queue of a Milvus cluster: the topic persistent://tenant/namespace/<channel> is a channel.
// MsgId holds what Milvus writes: a serialized MessageIdData of ledger, entry and index in a batch.
//
// Readers leave nothing behind in Pulsar. But a broker that creates topics automatically, as Milvus
// needs it, does so for a channel that is asked for, too. Payloads of large records point into the
// library's buffers and may outlive reader and log.
//
// kInvalidArgument: a setting is wrong. kFailedPrecondition: the library is missing or too old.
// kUnavailable: no broker answered within some seconds, it does not know the namespace, or it does
// not accept our credentials; the message has the address and the broker's or the library's words.
Result<std::unique_ptr<Log>> OpenPulsarLog(PulsarOptions options);

}  // namespace cdc
