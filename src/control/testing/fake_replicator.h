#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "metastore/meta_store.h"
#include "model/task_status.h"
#include "pipeline/replication.h"

namespace cdc {

// Pretends to replicate. Thread-safe; must outlive its replications.
class FakeReplicator final : public Replicator {
 public:
  Result<TargetInfo> CheckTarget(const MilvusConnectParam& target) override;
  Status CheckHasOwn(const TaskSpec& spec) override;
  Result<SourcePresent> Present() override;
  Status Prepare(const TaskSpec& spec, const TargetInfo& target) override;
  // The status of SetPrepareStatus if it is an error, and what SetPlan says.
  PlanItems Plan(const TaskSpec& spec, const TargetInfo* target) override;
  // Collections are known by their names: SetCollections.
  Result<CollectionId> FindCollection(const TaskSpec& spec, const CollectionName& name) override;
  Status Change(const TaskSpec& spec, const TaskChanges& changes) override;
  // The status of SetPrepareStatus if it is an error; else stores the task in the store of
  // SetStore and says what SetNotes says.
  Result<std::vector<ScopeNote>> Rescope(const TaskSpec& before,
                                         const TaskRecord& task,
                                         const TargetInfo& target) override;
  // The status of SetChangeStatus if it is an error, kFailedPrecondition without `force`; else what
  // SetNotes says.
  Result<std::vector<ScopeNote>> Reposition(const TaskSpec& spec,
                                            const std::map<CollectionName, GivenPositions>& places,
                                            bool force) override;
  Result<std::unique_ptr<Replication>> Start(const TaskSpec& spec, OnFailed on_failed) override;

  // Takes effect from now on; an OK status resets it.
  void SetCheckStatus(Status status);
  void SetStandby(bool is_standby);           // of all targets
  void SetIdentity(std::string identity);     // of all targets; initially unknown
  void SetHasOwn(Status status);              // of all targets
  void SetAccessRefusal(std::string reason);  // of all targets; initially none
  void SetPrepareStatus(Status status);
  void SetPlan(PlanItems items);
  void SetStore(MetaStore* store);
  void SetNotes(std::vector<ScopeNote> notes);
  void SetPresent(Result<SourcePresent> present);
  int asked_for_present() const;                      // how often
  void SetCatalogProgress(CatalogProgress progress);  // of every task
  // For one task; with an empty id, for all tasks without one of their own.
  void SetStartStatus(const std::string& task_id, Status status);

  // Makes target checks, preparations or starts hang until uncorked.
  void CorkChecks();
  void UncorkChecks();
  void CorkPreparations();
  void UncorkPreparations();
  void CorkStarts();
  void UncorkStarts();
  // The number of calls that hang now.
  int hanging() const;

  // Sets the status that the task's replication reports.
  void SetTaskStatus(const std::string& task_id, TaskStatus status);
  // Makes the task's running replication report a permanent error, after which it needs `changes`
  // to go on.
  void FailTask(const std::string& task_id,
                const std::string& reason,
                const TaskChanges& changes = {});
  void SetCollections(std::map<CollectionName, CollectionId> collections);
  void SetChangeStatus(Status status);
  // In order.
  std::vector<TaskChanges> changes(const std::string& task_id) const;

  // What the last Reposition was for.
  TaskSpec last_repositioned() const;
  std::map<CollectionName, GivenPositions> last_places() const;

  bool running(const std::string& task_id) const;
  std::vector<std::string> running() const;      // ids, sorted
  int starts(const std::string& task_id) const;  // including failed ones
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
  Status has_own_ CDC_GUARDED_BY(mutex_);
  std::string access_refusal_ CDC_GUARDED_BY(mutex_);
  Status prepare_status_ CDC_GUARDED_BY(mutex_);
  PlanItems plan_ CDC_GUARDED_BY(mutex_);
  MetaStore* store_ CDC_GUARDED_BY(mutex_) = nullptr;
  std::vector<ScopeNote> notes_ CDC_GUARDED_BY(mutex_);
  Result<SourcePresent> present_ CDC_GUARDED_BY(mutex_) = SourcePresent();
  int asked_for_present_ CDC_GUARDED_BY(mutex_) = 0;
  CatalogProgress catalog_progress_ CDC_GUARDED_BY(mutex_);
  std::map<std::string, Status> start_status_ CDC_GUARDED_BY(mutex_);
  bool checks_corked_ CDC_GUARDED_BY(mutex_) = false;
  bool preparations_corked_ CDC_GUARDED_BY(mutex_) = false;
  bool starts_corked_ CDC_GUARDED_BY(mutex_) = false;
  int hanging_ CDC_GUARDED_BY(mutex_) = 0;
  std::map<std::string, TaskStatus> task_status_ CDC_GUARDED_BY(mutex_);
  std::map<std::string, OnFailed> running_ CDC_GUARDED_BY(mutex_);
  std::map<std::string, TaskChanges> wanted_changes_ CDC_GUARDED_BY(mutex_);
  std::map<std::string, std::vector<TaskChanges>> changes_ CDC_GUARDED_BY(mutex_);
  std::map<CollectionName, CollectionId> collections_ CDC_GUARDED_BY(mutex_);
  Status change_status_ CDC_GUARDED_BY(mutex_);
  TaskSpec last_repositioned_ CDC_GUARDED_BY(mutex_);
  std::map<CollectionName, GivenPositions> last_places_ CDC_GUARDED_BY(mutex_);
  std::map<std::string, int> starts_ CDC_GUARDED_BY(mutex_);
  std::map<std::string, TaskSpec> specs_ CDC_GUARDED_BY(mutex_);
  std::vector<std::string> prepared_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
