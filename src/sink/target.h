#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/status.h"
#include "model/task.h"
#include "model/tls.h"
#include "sink/metadata_sink.h"
#include "sink/row_sink.h"

namespace cdc {

// One target, of any kind. Thread-safe.
class Target {
 public:
  virtual ~Target() = default;

  // Both live as long as the target.
  virtual RowSink& rows() = 0;
  virtual MetadataSink& metadata() = 0;

  // Asks whether it serves and returns at once. `done` is called exactly once, from this thread or
  // another one, and must return at once: with a text that tells this target from any other,
  // whatever its address. Empty: it has no such text (Milvus Lite, Milvus before 2.3).
  using PulseDone = std::function<void(const Result<std::string>& identity)>;
  virtual void AskPulse(std::chrono::milliseconds timeout, PulseDone done) = 0;
};

struct TargetOptions {
  SinkMode mode = SinkMode::kApi;
  std::string uri;    // http://host:port or https://host:port
  std::string token;  // user:password or an API key; empty: none
  TlsOptions tls;     // of an https uri
  std::chrono::milliseconds ddl_timeout{30'000};
  std::chrono::milliseconds write_timeout{60'000};
};

// The outcome of looking at a target before a task is made for it.
struct TargetInfo {
  std::string version;
  bool is_standby = false;  // takes rows by ReplicateMessage only
  std::string identity;     // see Target::AskPulse
  // Of its API; see TargetTraits.
  std::optional<ExpressionDialect> deletes_by;
};

// Makes targets of all kinds. Thread-safe.
class TargetFactory {
 public:
  virtual ~TargetFactory() = default;

  // Connects, looks what it is, and ends the connection.
  virtual Result<TargetInfo> Check(const TargetOptions& options,
                                   std::chrono::milliseconds timeout) = 0;

  // Nothing is connected yet. kInvalidArgument: the uri, or a PEM file that cannot be read.
  virtual Result<std::unique_ptr<Target>> New(const TargetOptions& options) = 0;
};

}  // namespace cdc
