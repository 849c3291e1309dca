#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "pipeline/replication.h"

namespace cdc {

// Pretends to replicate. Thread-safe; must outlive its replications.
class FakeReplicator final : public Replicator {
 public:
  Result<TargetInfo> CheckTarget(const MilvusConnectParam& target) override;
  Result<SourcePresent> Present() override;
  Status Prepare(const TaskSpec& spec, const TargetInfo& target) override;
  Result<std::unique_ptr<Replication>> Start(const TaskSpec& spec, OnFailed on_failed) override;

  // From now on; an ok status ends it.
  void SetCheckStatus(Status status);
  void SetStandby(bool is_standby);        // what targets are
  void SetIdentity(std::string identity);  // of targets; at first they tell none
  void SetPrepareStatus(Status status);
  void SetPresent(Result<SourcePresent> present);
  void SetCatalogProgress(CatalogProgress progress);  // of every task
  // For one task, or with an empty id for all that have none of their own.
  void SetStartStatus(const std::string& task_id, Status status);

  // Checks of targets, or starts, hang until uncorked.
  void CorkChecks();
  void UncorkChecks();
  void CorkStarts();
  void UncorkStarts();
  // Calls that hang now.
  int hanging() const;

  // What the replication of a task shows.
  void SetTaskStatus(const std::string& task_id, TaskStatus status);
  // The running replication of the task meets an error that retrying cannot mend.
  void FailTask(const std::string& task_id, const std::string& reason);

  bool running(const std::string& task_id) const;
  std::vector<std::string> running() const;      // ids, sorted
  int starts(const std::string& task_id) const;  // also those that failed
  std::vector<std::string> prepared() const;     // ids, in order
  TaskSpec last_started(const std::string& task_id) const;

 private:
  friend class FakeReplication;

  void End(const std::string& task_id);
  void WaitWhile(const bool& corked);

  mutable Mutex mutex_;
  CondVar changed_;
  Status check_status_ CDC_GUARDED_BY(mutex_);
  bool is_standby_ CDC_GUARDED_BY(mutex_) = false;
  std::string identity_ CDC_GUARDED_BY(mutex_);
  Status prepare_status_ CDC_GUARDED_BY(mutex_);
  Result<SourcePresent> present_ CDC_GUARDED_BY(mutex_) = SourcePresent();
  CatalogProgress catalog_progress_ CDC_GUARDED_BY(mutex_);
  std::map<std::string, Status> start_status_ CDC_GUARDED_BY(mutex_);
  bool checks_corked_ CDC_GUARDED_BY(mutex_) = false;
  bool starts_corked_ CDC_GUARDED_BY(mutex_) = false;
  int hanging_ CDC_GUARDED_BY(mutex_) = 0;
  std::map<std::string, TaskStatus> task_status_ CDC_GUARDED_BY(mutex_);
  std::map<std::string, OnFailed> running_ CDC_GUARDED_BY(mutex_);
  std::map<std::string, int> starts_ CDC_GUARDED_BY(mutex_);
  std::map<std::string, TaskSpec> specs_ CDC_GUARDED_BY(mutex_);
  std::vector<std::string> prepared_ CDC_GUARDED_BY(mutex_);
};

// Whether `condition` becomes true within a few seconds.
bool Eventually(const std::function<bool()>& condition);

}  // namespace cdc
