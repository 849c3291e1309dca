#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/given_position.h"
#include "model/task.h"
#include "model/task_progress.h"
#include "pipeline/replicator.h"
#include "scope/scope.h"
#include "sink/metadata_sink.h"
#include "sink/target.h"

namespace cdc {

// Finds out where a new task begins, and stores it: for every collection that exists, by what its
// request says (`start_from`, positions), and for the replicate channel. Collections created later
// begin at their own creation.
//
// Whatever would fail later is found here, before the task exists. Errors: see Replicator::Prepare.
class TaskPreparation {
 public:
  // `copy_rate`: bytes per second that copies are expected to have. `options` and `spec` must
  // outlive this.
  TaskPreparation(const ReplicatorOptions& options, const TaskSpec& spec, double copy_rate)
      : options_(options), spec_(spec), copy_rate_(copy_rate), scope_(spec) {}

  // `target`: as CheckTarget has found it.
  Status Run(const TargetInfo& target);

 private:
  Status CheckCopies() const;
  Status CheckCovered(const std::vector<Scope::Match>& covered, const TargetTraits& traits) const;
  Status CheckGiven(const std::vector<Scope::Match>& covered) const;
  Status PrepareSnapshots(const std::vector<Scope::Match>& covered);
  Result<SnapshotProgress> PlanSnapshot(const Scope::Match& match) const;
  Status PrepareCollection(const Scope::Match& match, Timestamp present);
  Status PrepareGiven(const Scope::Match& match, const GivenPositions& given);
  Result<std::map<std::string, MsgId>> PrepareChannels(const Scope::Match& match, StartFrom begin);
  Status PrepareReplicateChannel();

  const ReplicatorOptions& options_;
  const TaskSpec& spec_;
  const double copy_rate_;
  const Scope scope_;
};

}  // namespace cdc
