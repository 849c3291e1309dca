// How TaskManager gives a task another way to its target.
#include <chrono>
#include <string>
#include <utility>

#include <spdlog/spdlog.h>

#include "control/judge_create.h"
#include "control/managed_task.h"
#include "control/same_target.h"
#include "control/task_manager.h"

namespace cdc {
namespace {

constexpr const char* kNewTask =
    ": create a new task for it, with start_from earliest or snapshot, and delete this one";

bool IsProvenSame(const TaskSpec& spec, const TargetInfo& found) {
  return !found.identity.empty() && spec.target_identity == found.identity;
}

// It must be the Milvus that has what the task has written so far.
Status CheckIsSame(const TaskSpec& spec,
                   const MilvusConnectParam& wanted,
                   const TargetInfo& found) {
  const bool known = !spec.target_identity.empty() && !found.identity.empty();
  if (known && !IsProvenSame(spec, found)) {
    return InvalidArgumentError(
        "there is another Milvus at this address, which has none of the rows replicated so far" +
        std::string(kNewTask));
  }
  if (!known && AddressKey(wanted) != AddressKey(spec.target)) {
    return InvalidArgumentError(
        "the target does not tell which Milvus it is (Milvus Lite, or a Milvus before 2.3), so "
        "nothing proves that it is the same at another address" +
        std::string(kNewTask));
  }
  return OkStatus();
}

}  // namespace

Status TaskManager::CheckNewTarget(const TaskSpec& spec, TaskSpec* changed) {
  const Result<TargetInfo> found = options_.replicator->CheckTarget(changed->target);
  CDC_RETURN_IF_ERROR(FirstRefusal(JudgeTarget(*changed, found)));
  CDC_RETURN_IF_ERROR(CheckIsSame(spec, changed->target, *found));
  CDC_RETURN_IF_ERROR(FirstRefusal(JudgeSink(*found, changed)));
  if (IsProvenSame(spec, *found)) {
    return OkStatus();
  }
  if (changed->target_identity.empty()) {
    changed->target_identity = spec.target_identity;
  }
  return options_.replicator->CheckHasOwn(*changed);
}

Status TaskManager::CheckTargetBesideOthers(const TaskSpec& changed) const {
  CDC_RETURN_IF_ERROR(CheckStandbyAddress(changed, SiblingsOf(tasks_, changed)));
  const std::string key = AddressKey(changed.target);
  for (const auto& [id, other] : tasks_) {
    if (changed.sink_mode == SinkMode::kReplicate &&
        other->spec.sink_mode == SinkMode::kReplicate && !other->spec.dry_run &&
        AddressKey(other->spec.target) == key && !IsSameTarget(other->spec, changed)) {
      return InvalidArgumentError("task " + id +
                                  " has this address for another standby: give that " +
                                  "task the new address of its standby first, or delete it");
    }
  }
  return OkStatus();
}

Status TaskManager::TakeTarget(const TaskPtr& task, TaskState state, TaskSpec changed) {
  // Only these: others may be read without the lock.
  const auto exchange = [&] {
    std::swap(task->spec.target, changed.target);
    std::swap(task->spec.target_identity, changed.target_identity);
  };
  TaskRecord record;
  {
    // Looking at the other tasks and taking the target is one step: two changes at once, or a
    // create, could both miss the other.
    MutexLock lock(mutex_);
    CDC_RETURN_IF_ERROR(CheckTargetBesideOthers(changed));
    exchange();
    record = {task->spec, task->stored_state, task->stored_reason};
  }
  // Before anything is done with it: if it cannot be stored, the task runs on as it did.
  if (const Status stored = options_.store->PutTask(record); !stored.ok()) {
    MutexLock lock(mutex_);
    exchange();
    return OurFault("fail to put the task info to etcd: " + stored.message());
  }
  {
    MutexLock lock(mutex_);
    task->events.Add(options_.clock->UnixMs(), TaskEventKind::kTargetChanged,
                     record.spec.target.ResolvedUri());
  }
  spdlog::info("target changed, task={} target={}", record.spec.id,
               record.spec.target.ResolvedUri());
  StopReplication(task);
  const Status connected = ChangeStandby(changed, record.spec);
  HoldStandby(task);
  if (state != TaskState::kPaused) {
    ScheduleStart(task, std::chrono::milliseconds(0));
  }
  return connected;
}

// A dry run has no connection that writes to a standby.
Status TaskManager::ChangeStandby(const TaskSpec& before, const TaskSpec& now) const {
  if (now.sink_mode != SinkMode::kReplicate || !options_.change_standby || now.dry_run ||
      options_.dry_run) {
    return OkStatus();
  }
  return options_.change_standby(before, now);
}

}  // namespace cdc
