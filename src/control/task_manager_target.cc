// How TaskManager gives a task another way to its target.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include "control/judge_create.h"
#include "control/managed_task.h"
#include "control/same_target.h"
#include "control/task_manager.h"

namespace cdc {
namespace {

constexpr const char* kNewTask =
    ": create a new task for it, with start_from earliest or snapshot, and delete this one";

// It must be the Milvus that has what the task has written so far.
Status CheckIsSame(const TaskSpec& spec,
                   const MilvusConnectParam& wanted,
                   const TargetInfo& found) {
  const bool known = !spec.target_identity.empty() && !found.identity.empty();
  if (known && spec.target_identity != found.identity) {
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
  changed->sink_mode_reason = spec.sink_mode_reason;
  if (changed->target_identity.empty()) {
    changed->target_identity = spec.target_identity;
  }
  if (changed->sink_mode != SinkMode::kReplicate) {
    return OkStatus();
  }
  MutexLock lock(mutex_);
  const std::vector<const TaskSpec*> siblings = SiblingsOf(tasks_, *changed);
  if (!siblings.empty()) {
    // It keeps the credentials with which it was made.
    return InvalidArgumentError("the target is a standby, and task " + siblings.front()->id +
                                " writes to it over the same connection: delete that task first");
  }
  return OkStatus();
}

Status TaskManager::ChangeTarget(const std::string& id, const MilvusConnectParam& target) {
  const TaskPtr task = Find(id);
  if (task == nullptr) {
    return NotFound(id);
  }
  MutexLock operation(task->operation);
  TaskState state{};
  std::string reason;
  {
    MutexLock lock(mutex_);
    if (task->removed) {
      return NotFound(id);
    }
    if (stopping_) {
      return StoppingError();
    }
    state = task->state;
    reason = task->reason;
  }
  TaskSpec changed = task->spec;
  changed.target = target;
  CDC_RETURN_IF_ERROR(CheckNewTarget(task->spec, &changed));
  StopReplication(task);
  // Only these: others may be read without the lock.
  const auto exchange = [&] {
    MutexLock lock(mutex_);
    std::swap(task->spec.target, changed.target);
    std::swap(task->spec.target_identity, changed.target_identity);
  };
  exchange();
  // Whoever holds the connection to a standby keeps its credentials in use, too.
  std::shared_ptr<void> standby;
  {
    MutexLock lock(mutex_);
    standby = std::exchange(task->standby, nullptr);
  }
  standby.reset();  // without the lock: it may take a while
  // Stored before it is used: a crash leaves the task with one or the other.
  const Status stored = options_.store->PutTask({task->spec, state, reason});
  if (stored.ok()) {
    MutexLock lock(mutex_);
    task->events.Add(options_.clock->UnixMs(), TaskEventKind::kTargetChanged,
                     task->spec.target.ResolvedUri());
  } else {
    exchange();
  }
  HoldStandby(task);
  if (state != TaskState::kPaused) {
    ScheduleStart(task, std::chrono::milliseconds(0));
  }
  if (!stored.ok()) {
    return OurFault("fail to put the task info to etcd: " + stored.message());
  }
  spdlog::info("target changed, task={} target={}", id, task->spec.target.ResolvedUri());
  return OkStatus();
}

}  // namespace cdc
