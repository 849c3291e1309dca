#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/backoff.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "pipeline/replication.h"

namespace cdc {

// A source that is open, and what replicates from it.
class OpenSource {
 public:
  virtual ~OpenSource() = default;
  virtual Replicator* replicator() = 0;
  // Whether it is well now; an error tells why replication may stand still.
  virtual Status Health() const = 0;
};

// Opens the source again and again until it is open, on a thread of its own, and stands for its
// Replicator meanwhile: before that every call fails with kUnavailable and the reason. An error is
// logged when it changes. Thread-safe.
class SourceConnector final : public Replicator {
 public:
  // One attempt; ends within its own connect timeout.
  using Open = std::function<Result<std::unique_ptr<OpenSource>>()>;

  SourceConnector(Open open, BackoffOptions backoff);
  ~SourceConnector() override;

  // Begins; `on_ready` is called once, from the thread, when the source is open.
  void Begin(std::function<void()> on_ready);
  // Ends the attempts. Idempotent. What is open stays open until the destruction.
  void Stop();

  // Ok when the source is open and well.
  Status Health() const;

  Result<TargetInfo> CheckTarget(const MilvusConnectParam& target) override;
  Result<SourcePresent> Present() override;
  Status Prepare(const TaskSpec& spec, const TargetInfo& target) override;
  Result<std::unique_ptr<Replication>> Start(const TaskSpec& spec, OnFailed on_failed) override;

 private:
  void Connect(const std::stop_token& stop);
  // Waits for the first attempt if it is still under way.
  Result<Replicator*> Ready();

  const Open open_;
  mutable Mutex mutex_;
  CondVar wakeup_;
  Backoff backoff_;  // of the thread
  std::function<void()> on_ready_;
  std::stop_source stopping_;  // ends the waits of requests
  bool attempted_ CDC_GUARDED_BY(mutex_) = false;
  Status failure_ CDC_GUARDED_BY(mutex_);
  std::unique_ptr<OpenSource> source_ CDC_GUARDED_BY(mutex_);
  Thread thread_;  // nothing may be declared after it: it uses what is above
};

}  // namespace cdc
