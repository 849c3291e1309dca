// How TaskManager changes what was asked for in the create of a task.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include "control/judge_create.h"
#include "control/managed_task.h"
#include "control/shown_status.h"
#include "control/task_manager.h"

namespace cdc {
namespace {

// Everything that can be changed except the target. Others may be read without a lock.
void SwapScopeAndPolicies(TaskSpec* a, TaskSpec* b) {
  std::swap(a->collection_infos, b->collection_infos);
  std::swap(a->db_collections, b->db_collections);
  std::swap(a->exclude, b->exclude);
  std::swap(a->left_to_older, b->left_to_older);
  std::swap(a->name_mapping, b->name_mapping);
  std::swap(a->start_from, b->start_from);
  std::swap(a->snapshot, b->snapshot);
  std::swap(a->on_expired, b->on_expired);
  std::swap(a->on_collection_error, b->on_collection_error);
  std::swap(a->buffer_period, b->buffer_period);
  std::swap(a->buffer_size, b->buffer_size);
}

bool HasSameScope(const TaskSpec& a, const TaskSpec& b) {
  return a.collection_infos == b.collection_infos && a.db_collections == b.db_collections &&
         a.exclude == b.exclude && a.name_mapping == b.name_mapping;
}

bool HasSamePolicies(const TaskSpec& a, const TaskSpec& b) {
  return a.start_from == b.start_from && a.snapshot == b.snapshot && a.on_expired == b.on_expired &&
         a.on_collection_error == b.on_collection_error && a.buffer_period == b.buffer_period &&
         a.buffer_size == b.buffer_size;
}

// What may decide that stored rows are copied, in addition to the scope.
bool HasSameCopies(const TaskSpec& a, const TaskSpec& b) {
  return a.start_from == b.start_from && a.snapshot == b.snapshot && a.on_expired == b.on_expired;
}

std::string Summary(const std::vector<ScopeNote>& notes) {
  std::string text;
  for (const ScopeNote& note : notes) {
    text += (text.empty() ? "" : ", ") +
            std::string(note.what == ScopeNote::What::kAdded ? "+" : "-") +
            note.collection.ToString();
  }
  return text;
}

// Of a question to the source or the store: what may pass keeps its code, too.
Status OursUnlessCallers(const Status& status) {
  return status.ok() || IsCallersFault(status) || IsRetryable(status) ? status
                                                                      : OurFault(status.message());
}

}  // namespace

Result<std::vector<ScopeNote>> TaskManager::ChangeTask(const std::string& id,
                                                       const SpecChange& change) {
  std::vector<ScopeNote> notes;
  const Status done = Operate(id, [&](const TaskPtr& task, TaskState state) -> Status {
    TaskSpec changed = task->spec;
    CDC_RETURN_IF_ERROR(change(View(task), &changed));
    if (HasSameScope(task->spec, changed) && HasSamePolicies(task->spec, changed)) {
      CDC_RETURN_IF_ERROR(CheckNewTarget(task->spec, &changed));
      return TakeTarget(task, state, std::move(changed));
    }
    if (task->spec.stop_at > Timestamp{} &&
        !(HasSameScope(task->spec, changed) && HasSameCopies(task->spec, changed))) {
      return FailedPreconditionError(
          "the task has a stop_at, and cannot begin or copy collections on its way there: resume "
          "it with stop_at 0 (`milvus-cdc task resume --stop-at 0 " +
          id + "`), pause it, and change it then");
    }
    if (state != TaskState::kPaused) {
      return FailedPreconditionError(
          "the task runs, and meanwhile only milvus_connect_param can be changed: pause it first, "
          "and resume it afterwards");
    }
    if (!(changed.target == task->spec.target)) {
      return InvalidArgumentError(
          "milvus_connect_param is changed by a request of its own: leave it out, or all else");
    }
    CDC_ASSIGN_OR_RETURN(notes, TakeScope(task, std::move(changed)));
    return OkStatus();
  });
  return done.ok() ? Result<std::vector<ScopeNote>>(std::move(notes)) : done;
}

Result<std::vector<ScopeNote>> TaskManager::TakeScope(const TaskPtr& task, TaskSpec changed) {
  CDC_RETURN_IF_ERROR(CheckExperimental(options_.experimental, "a change of what a task covers"));
  if (options_.dry_run) {
    return FailedPreconditionError(
        "the server makes dry runs and stores no progress: change the task on a server without "
        "dryRun in its configuration");
  }
  const Result<TargetInfo> target = options_.replicator->CheckTarget(changed.target);
  CDC_RETURN_IF_ERROR(FirstRefusal(JudgeTarget(changed, target)));
  CDC_RETURN_IF_ERROR(FirstRefusal(JudgePositions(changed)));
  // What the last replication needs was decided for what it covered.
  CDC_RETURN_IF_ERROR(OursUnlessCallers(MakeWantedChanges(task)));
  TaskRecord record;
  {
    // As Reserve: comparing the scopes and taking the new one is one step.
    MutexLock lock(mutex_);
    if (!HasSameScope(task->spec, changed)) {
      CDC_RETURN_IF_ERROR(FirstRefusal(JudgeBesideOthers(SiblingsOf(tasks_, changed), &changed)));
    }
    task->wanted_spec = changed;
    record = {std::move(changed), task->stored_state, task->stored_reason};
  }
  Result<std::vector<ScopeNote>> notes = options_.replicator->Rescope(task->spec, record, *target);
  if (notes.ok()) {
    ShowScope(task, std::move(record.spec), Summary(*notes));
    return notes;
  }
  // An answer may have been lost after the change was stored.
  const Status failed = OursUnlessCallers(notes.status());
  const Status settled = SettleScope(task);
  if (!settled.ok()) {
    return settled.WithContext(failed.message());
  }
  return HasSameScope(task->spec, record.spec) && HasSamePolicies(task->spec, record.spec)
             ? Status(failed.code(), failed.message() + "; the change is stored all the same")
             : failed;
}

void TaskManager::ShowScope(const TaskPtr& task, TaskSpec stored, const std::string& summary) {
  const Result<MetaStore::Progress> progress = options_.store->LoadProgress(task->spec.id);
  MutexLock lock(mutex_);
  SwapScopeAndPolicies(&task->spec, &stored);
  task->wanted_spec.reset();
  if (progress.ok()) {
    task->last_status = StatusOf(*progress);
  }
  task->events.Add(options_.clock->UnixMs(), TaskEventKind::kChanged, summary);
  spdlog::info("task changed, task={} collections={}", task->spec.id, summary);
}

Status TaskManager::SettleScope(const TaskPtr& task) {
  if (!task->wanted_spec) {
    return OkStatus();
  }
  Result<std::vector<TaskRecord>> records = options_.store->ListTasks();
  if (!records.ok()) {
    return UnavailableError("it is not known whether its last change is stored, try again later: " +
                            records.status().message());
  }
  const auto stored = std::ranges::find_if(
      *records, [&](const TaskRecord& record) { return record.spec.id == task->spec.id; });
  if (stored != records->end() &&
      !(HasSameScope(task->spec, stored->spec) && HasSamePolicies(task->spec, stored->spec))) {
    ShowScope(task, std::move(stored->spec), "");
    return OkStatus();
  }
  MutexLock lock(mutex_);
  task->wanted_spec.reset();
  return OkStatus();
}

}  // namespace cdc
