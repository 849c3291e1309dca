#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "base/thread.h"
#include "model/task_status.h"
#include "pipeline/replicator.h"
#include "pipeline/target_pulses.h"
#include "progress/checkpoint_saver.h"
#include "progress/condition_board.h"
#include "progress/send_horizon.h"
#include "progress/task_checkpoints.h"
#include "reconcile/collection_claims.h"
#include "reconcile/reconciler.h"
#include "rows/row_router.h"
#include "rows/row_writer.h"
#include "scope/scope.h"

namespace cdc {

// One running task: what it takes from the feed, a row writer and a reconciler with a thread each,
// and the checkpoint.
//
// Stops in the order of the data: the feed first, the reconciler, then the writer ends its calls,
// the checkpoint last, holding only what was acknowledged.
class TaskPipeline : public Replication {
 public:
  // What all tasks share; must outlive this.
  struct Shared {
    const ReplicatorOptions* options;
    FeedSource* feed;
    CheckpointSaver* saver;
    TargetPulses* pulses;
    CollectionClaims* claims;
  };

  TaskPipeline(const Shared& shared,
               TaskSpec spec,
               std::unique_ptr<Target> target,
               const MetaStore::Progress& progress,
               Replicator::OnFailed on_failed);
  ~TaskPipeline() override;

  void Start();
  void Stop() override;
  TaskStatus GetStatus() const override;

 private:
  Thread Run(const std::string& name, std::function<void(const std::stop_token&)> body);
  void Fail(const Status& status);
  void RunReconciler(const std::stop_token& stop);
  void TakePulse(const Result<std::string>& identity);
  void SaveLastCheckpoints();
  ConditionBoard::View CurrentCondition() const;

  const Shared shared_;
  const TaskSpec spec_;
  const Replicator::OnFailed on_failed_;
  const Scope scope_;
  ConditionBoard conditions_;
  SendHorizon horizon_;
  RowWriter writer_;
  RowRouter router_;
  TaskCheckpoints checkpoints_;
  Reconciler reconciler_;
  // After what it calls back: it waits for its calls when it is destroyed.
  const std::unique_ptr<Target> target_;

  bool target_away_ = false;  // only the thread of TakePulse

  Mutex stop_mutex_;
  bool stopped_ CDC_GUARDED_BY(stop_mutex_) = false;
  mutable Mutex mutex_;
  std::string target_version_ CDC_GUARDED_BY(mutex_);

  // Joined first: nothing may be declared after these.
  Thread writer_thread_;
  Thread reconcile_thread_;
};

}  // namespace cdc
