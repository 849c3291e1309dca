#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/backoff.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "pipeline/replication.h"

namespace cdc {

// An open source and its Replicator.
class OpenSource {
 public:
  virtual ~OpenSource() = default;
  virtual Replicator* replicator() = 0;
  // Whether the source works now; an error is why replication may be stalled.
  virtual Status Health() const = 0;
};

// Opens the source on its own thread, retrying until it succeeds, and acts as its Replicator: until
// then every call fails with kUnavailable and the reason. Logs an error when it changes.
// Thread-safe.
class SourceConnector final : public Replicator {
 public:
  // One attempt; returns within its own connect timeout.
  using Open = std::function<Result<std::unique_ptr<OpenSource>>()>;

  // Looks at a target for a plan while the source is not open.
  using CheckTargetOnly = std::function<Result<TargetInfo>(const MilvusConnectParam&)>;

  // Without `check_target` that fails, like all else, until the source is open.
  SourceConnector(Open open, BackoffOptions backoff, CheckTargetOnly check_target = {});
  ~SourceConnector() override;

  // Starts the attempts; `on_ready` is called once, on the thread, when the source is open.
  void Begin(std::function<void()> on_ready);
  // Ends the attempts. Idempotent. An open source stays open until destruction.
  void Stop();

  // OK if the source is open and works.
  Status Health() const;

  Result<TargetInfo> CheckTarget(const MilvusConnectParam& target) override;
  Status CheckHasOwn(const TaskSpec& spec) override;
  Result<SourcePresent> Present() override;
  Status Prepare(const TaskSpec& spec, const TargetInfo& target) override;
  PlanItems Plan(const TaskSpec& spec, const TargetInfo* target) override;
  Result<CollectionId> FindCollection(const TaskSpec& spec, const CollectionName& name) override;
  Status Change(const TaskSpec& spec, const TaskChanges& changes) override;
  Result<std::vector<ScopeNote>> Rescope(const TaskSpec& before,
                                         const TaskRecord& task,
                                         const TargetInfo& target) override;
  Result<std::vector<ScopeNote>> Reposition(const TaskSpec& spec,
                                            const std::map<CollectionName, GivenPositions>& places,
                                            bool force) override;
  Result<std::unique_ptr<Replication>> Start(const TaskSpec& spec, OnFailed on_failed) override;

 private:
  void Connect(const std::stop_token& stop);
  // Waits for the first attempt if it is still in progress.
  Result<Replicator*> Ready();

  const Open open_;
  const CheckTargetOnly check_target_;
  mutable Mutex mutex_;
  CondVar wakeup_;
  Backoff backoff_;  // used by the thread only
  std::function<void()> on_ready_;
  std::stop_source stopping_;  // ends the waits of requests
  bool attempted_ CDC_GUARDED_BY(mutex_) = false;
  Status failure_ CDC_GUARDED_BY(mutex_);
  std::unique_ptr<OpenSource> source_ CDC_GUARDED_BY(mutex_);
  Thread thread_;  // nothing may be declared after it: it uses what is above
};

}  // namespace cdc
