#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/thread.h"
#include "model/task_status.h"
#include "pipeline/counted_target.h"
#include "pipeline/replicator.h"
#include "pipeline/target_pulses.h"
#include "progress/checkpoint_saver.h"
#include "progress/condition_board.h"
#include "progress/send_horizon.h"
#include "progress/task_checkpoints.h"
#include "reconcile/collection_claims.h"
#include "reconcile/reconciler.h"
#include "rows/copy_guard.h"
#include "rows/row_router.h"
#include "rows/row_writer.h"
#include "scope/scope.h"
#include "snapshot/copy_throttle.h"
#include "snapshot/snapshot_copier.h"

namespace cdc {

// One running task: a router that follows the feed, a row writer and a reconciler with a thread
// each, and the checkpoints.
//
// Stops in the order of the data: first reading, then the writer's calls in flight. The checkpoint
// comes last, so that it holds exactly what was acknowledged.
class TaskPipeline : public Replication {
 public:
  // What all tasks share. All of it must outlive this.
  struct Shared {
    const ReplicatorOptions* options;
    FeedSource* feed;
    CheckpointSaver* saver;
    TargetPulses* pulses;
    std::shared_ptr<CollectionClaims> claims;
    CopyThrottle* throttle;  // of the copies of all tasks
  };

  TaskPipeline(const Shared& shared,
               TaskSpec spec,
               std::unique_ptr<CountedTarget> target,
               const MetaStore::Progress& progress,
               Replicator::OnFailed on_failed);
  ~TaskPipeline() override;

  // Reads what a start needs besides `progress`. Call it once, before Start. Errors: see MetaStore.
  Status Load();
  void Start();
  void Stop() override;
  TaskStatus GetStatus() const override;
  TaskStatus GetNews() const override;
  TaskChanges Changes() const override;

 private:
  Thread Run(const std::string& name, std::function<void(const std::stop_token&)> body);
  void Fail(const Status& status);
  void ShowSetAside();
  bool Exists(CollectionId id) const;
  void FailCollection(CollectionId collection, const Status& status);
  void ApplyLog(CollectionId collection, const std::map<std::string, Takeover>& takeover);
  void FinishCopy(CollectionId collection, const std::map<std::string, Takeover>& takeover);
  void CopyExpired(const std::string& channel, const Status& status);
  void CopyRenamedIn(CollectionId collection, const Status& status);
  void RequestChange(const std::string& why, const std::function<void(TaskChanges*)>& change);
  void RunReconciler(const std::stop_token& stop);
  void TakePulse(const Result<std::string>& identity);
  void SaveLastCheckpoints();
  ConditionBoard::View CurrentCondition() const;

  const Shared shared_;
  const TaskSpec spec_;
  const Replicator::OnFailed on_failed_;
  const Scope scope_;
  const std::vector<AsideCollection> aside_;
  const std::vector<CollectionId> logs_applied_;  // during their copies, at the start
  ConditionBoard conditions_;
  SendHorizon horizon_;
  RowWriter writer_;
  CopyGuard guard_;
  RowRouter router_;
  SnapshotCopier copier_;
  TaskCheckpoints checkpoints_;
  Reconciler reconciler_;
  // Declared after all that its callbacks use: its destructor waits for them.
  const std::unique_ptr<CountedTarget> target_;

  bool target_away_ = false;  // used only on the thread of TakePulse

  Mutex stop_mutex_;
  bool stopped_ CDC_GUARDED_BY(stop_mutex_) = false;
  mutable Mutex mutex_;
  std::string target_version_ CDC_GUARDED_BY(mutex_);
  TaskChanges changes_ CDC_GUARDED_BY(mutex_);

  // Declared last, so that they are joined first: nothing may be declared after these.
  Thread writer_thread_;
  Thread reconcile_thread_;
  Thread snapshot_thread_;
};

}  // namespace cdc
