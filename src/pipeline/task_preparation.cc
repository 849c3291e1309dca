#include "pipeline/task_preparation.h"

#include <utility>

#include <spdlog/spdlog.h>

#include "pipeline/collection_beginning.h"
#include "pipeline/gather_facts.h"
#include "pipeline/judge_source.h"
#include "pipeline/judge_stop_at.h"
#include "pipeline/judge_target_state.h"

namespace cdc {
namespace {

// With the text that clients know for a store that cannot be written, whichever of its parts.
Status Stored(const Status& status) {
  return status.ok() ? status
                     : InternalError("fail to put the task info to etcd: " + status.message());
}

// Stores what was found. A copy's entry says where the log takes over from the stored rows.
class Storing {
 public:
  Storing(const ReplicatorOptions& options, const TaskSpec& spec, const TaskFacts& facts)
      : options_(options), spec_(spec), facts_(facts) {}

  Status Run() const {
    const std::string identity = (*facts_.catalog)->Identity();
    if (!identity.empty()) {
      CDC_RETURN_IF_ERROR(Stored(options_.store->PutSource(spec_.id, identity)));
    }
    CDC_RETURN_IF_ERROR(StoreCopies());
    for (const CollectionFacts& each : facts_.collections) {
      const CollectionBeginning beginning = BeginningOf(each, *facts_.present);
      if (beginning.given) {
        CDC_RETURN_IF_ERROR(Stored(options_.store->PutSnapshot(spec_.id, *beginning.given)));
      }
      CDC_RETURN_IF_ERROR(Stored(options_.store->PutCollection(spec_.id, beginning.record)));
    }
    return StoreReplicateBegin();
  }

 private:
  Status StoreCopies() const {
    const LogChoice choice = ChooseCopyLog(spec_, facts_);
    bool any = false;
    for (const CollectionFacts& each : facts_.collections) {
      if (!each.copy) {
        continue;
      }
      any = true;
      SnapshotProgress progress = **each.copy;
      progress.rows = 0;  // known once it is done
      progress.bytes = 0;
      progress.log = choice.apply ? CopyLog::kWillApply : CopyLog::kWaits;
      progress.expected_seconds = choice.copy_takes.count();
      progress.queue_seconds = facts_.queue_holds.count();
      CDC_RETURN_IF_ERROR(Stored(options_.store->PutSnapshot(spec_.id, progress)));
    }
    if (any) {
      spdlog::info("task={} the copies are expected to take {} s, the queue holds {} s: the log {}",
                   spec_.id, choice.copy_takes.count(), facts_.queue_holds.count(),
                   choice.apply ? "is applied meanwhile" : "waits");
    }
    return OkStatus();
  }

  Status StoreReplicateBegin() const {
    const std::optional<MsgId>& begin = *facts_.replicate_begin;
    if (!begin) {
      return OkStatus();
    }
    return Stored(options_.store->SaveCheckpoints(spec_.id, {{.channel = options_.replicate_channel,
                                                              .position = *begin,
                                                              .ts = {},
                                                              .applied = {},
                                                              .horizon = {}}}));
  }

  const ReplicatorOptions& options_;
  const TaskSpec& spec_;
  const TaskFacts& facts_;
};

}  // namespace

Status PrepareTask(const ReplicatorOptions& options,
                   const TaskSpec& spec,
                   const TargetInfo& target,
                   double copy_rate) {
  const TaskFacts facts = GatherFacts(options, spec, &target, copy_rate, GatherFor::kCreate);
  CDC_RETURN_IF_ERROR(FirstRefusal(JudgeSource(spec, facts)));
  CDC_RETURN_IF_ERROR(FirstRefusal(JudgeStopAt(spec, facts)));
  return Storing(options, spec, facts).Run();
}

PlanItems PlanTask(const ReplicatorOptions& options,
                   const TaskSpec& spec,
                   const TargetInfo* target,
                   double copy_rate) {
  const TaskFacts facts = GatherFacts(options, spec, target, copy_rate, GatherFor::kPlan);
  PlanItems items = JudgeSource(spec, facts);
  AppendItems(JudgeStopAt(spec, facts), &items);
  AppendItems(JudgeTargetState(spec, facts), &items);
  return items;
}

}  // namespace cdc
