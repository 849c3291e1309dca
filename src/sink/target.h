#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/task.h"
#include "model/task_status.h"
#include "model/tls.h"
#include "sink/access_sink.h"
#include "sink/key_reader.h"
#include "sink/metadata_sink.h"
#include "sink/row_sink.h"

namespace cdc {

// One target of any kind. Thread-safe.
class Target {
 public:
  virtual ~Target() = default;

  // They live as long as the target.
  virtual RowSink& rows() = 0;
  virtual MetadataSink& metadata() = 0;
  // nullptr: the rows of such a target cannot be read.
  virtual KeyReader* keys() = 0;
  // nullptr: it has no users and roles that could be changed.
  virtual AccessSink* access() = 0;

  // The newest tick sent to each of its channels; a target that is no standby gets none.
  virtual std::vector<TargetTick> SentTicks() const = 0;

  // Where the target's queues have put the last rows written to each collection that exists; empty
  // unless the target is a standby, which alone says so.
  virtual std::vector<TargetRows> LastRows() const = 0;

  // Checks whether the target answers; returns at once. `done` is called exactly once, on this
  // thread or another one, and must return at once. It gets the target's identity, a text that no
  // other target has, whatever their addresses. Empty: the target has none (Milvus Lite, Milvus
  // before 2.3).
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

// What is known about a target before a task is created for it.
struct TargetInfo {
  std::string version;
  bool is_standby = false;  // accepts rows only through ReplicateMessage
  // Not empty: whether it is a standby could not be found out, because it refuses that to the user.
  std::string standby_refusal;
  std::string identity;  // see Target::AskPulse
  // Not empty: its users and roles cannot be read and changed, for this reason.
  std::string access_refusal;
  // For its API; see TargetTraits.
  std::optional<ExpressionDialect> deletes_by;
};

// Creates targets of all kinds. Thread-safe.
class TargetFactory {
 public:
  virtual ~TargetFactory() = default;

  // Connects, finds out what the target is, and disconnects.
  virtual Result<TargetInfo> Check(const TargetOptions& options,
                                   std::chrono::milliseconds timeout) = 0;

  // Does not connect yet. kInvalidArgument: a malformed uri, or a PEM file that cannot be read.
  virtual Result<std::unique_ptr<Target>> New(const TargetOptions& options) = 0;
};

}  // namespace cdc
