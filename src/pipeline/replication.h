#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/ids.h"
#include "model/task.h"
#include "model/task_status.h"
#include "sink/target.h"

namespace cdc {

// One text for all ways to write the address of a target; what is no address stays as it is.
std::string AddressKey(const MilvusConnectParam& target);

// A place of the source beyond everything that it had acknowledged when it was asked for.
struct SourcePresent {
  Timestamp ts;                  // no channel holds a row above it that was acknowledged before
  int64_t catalog_revision = 0;  // the same of its metadata
};

// One running task: reads the source from the task's checkpoints and applies it to the target until
// stopped. Thread-safe.
class Replication {
 public:
  virtual ~Replication() = default;

  // Ends reading, waits for the writes in flight (a few seconds at most), and makes the checkpoint
  // durable. Idempotent: each of several calls, at the same time too, returns when all that is
  // done.
  virtual void Stop() = 0;

  virtual TaskStatus GetStatus() const = 0;
};

// Starts replications; the seam between control and data plane. Thread-safe.
class Replicator {
 public:
  virtual ~Replicator() = default;

  // Connects to a target, looks what it is, and ends the connection.
  virtual Result<TargetInfo> CheckTarget(const MilvusConnectParam& target) = 0;

  // Where the source is now. Asks it: kUnavailable, kDeadlineExceeded if it does not answer.
  virtual Result<SourcePresent> Present() = 0;

  // Fixes where a new task begins (`start_from`), durably; called once, before the first Start,
  // with what CheckTarget returned. kOutOfRange, kFailedPrecondition: `earliest` is asked for and
  // the queue no longer holds it, or no delete can name the key field of a collection.
  virtual Status Prepare(const TaskSpec& spec, const TargetInfo& target) = 0;

  // `on_failed` is called at most once, from another thread, when the task has met an error that
  // retrying cannot mend; the replication has then stopped moving and waits for Stop.
  using OnFailed = std::function<void(const std::string& reason)>;
  virtual Result<std::unique_ptr<Replication>> Start(const TaskSpec& spec, OnFailed on_failed) = 0;
};

}  // namespace cdc
