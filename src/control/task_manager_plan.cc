// How TaskManager tells what a create would do.
#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include "control/judge_create.h"
#include "control/managed_task.h"
#include "control/task_manager.h"

namespace cdc {
namespace {

// That the source is away.
bool IsSourceAway(const PlanItem& item) {
  return item.area == "source" && IsRetryable(item.refusal);
}

}  // namespace

PlanItems TaskManager::JudgeTasks(TaskSpec* spec) const {
  // A task with this very id is no other one; a create would not get as far as this.
  PlanItems items = JudgeBesideOthers(SiblingsOf(tasks_, *spec), spec);
  AppendItems(JudgeLimit(tasks_.size() - tasks_.count(spec->id), options_.max_tasks), &items);
  return items;
}

PlanItems TaskManager::Plan(TaskSpec spec) {
  PlanItems items;
  const Status source = options_.source_status ? options_.source_status() : OkStatus();
  if (!source.ok()) {
    items.push_back(
        RefusedItem("source", "", UnavailableError(source.message()),
                    "see whether the source's etcd and queue run, and sourceConfig names them"));
  }
  const Result<TargetInfo> target = options_.replicator->CheckTarget(spec.target);
  AppendItems(JudgeTarget(spec, target), &items);
  if (target.ok()) {
    AppendItems(JudgeSink(*target, &spec), &items);
  }
  {
    MutexLock lock(mutex_);
    AppendItems(JudgeTasks(&spec), &items);
  }
  AppendItems(JudgeEnd(options_.experimental, spec), &items);
  AppendItems(JudgePositions(spec), &items);
  PlanItems found = options_.replicator->Plan(spec, target.ok() ? &*target : nullptr);
  if (!source.ok()) {
    std::erase_if(found, IsSourceAway);  // that is told already
  }
  AppendItems(std::move(found), &items);
  if (FindCreated(spec.id)) {
    items.push_back({.severity = PlanSeverity::kWarning,
                     .area = "tasks",
                     .object = "task " + spec.id,
                     .finding = "there is a task with this id, and a create would not change it",
                     .cure = "choose another id, or delete that task"});
  }
  if (spec.dry_run || options_.dry_run) {
    items.push_back({.severity = PlanSeverity::kNote,
                     .area = "target",
                     .object = spec.target.ResolvedUri(),
                     .finding = "the task would be a dry run, which changes nothing there"});
  }
  std::ranges::stable_sort(items, std::greater(), &PlanItem::severity);
  return items;
}

}  // namespace cdc
