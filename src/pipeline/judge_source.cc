#include "pipeline/judge_source.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/judge_rows.h"
#include "pipeline/replicator.h"
#include "reconcile/plan/plan.h"

namespace cdc {
namespace {

constexpr const char* kExclude = "create the task with this collection in `exclude`";
constexpr const char* kLookAtEtcd =
    "see whether the source's etcd runs and sourceConfig.etcd names it";

PlanItems JudgeCatalog(const TaskFacts& facts) {
  if (!facts.catalog.ok()) {
    return {RefusedItem("source", "", facts.catalog.status(), kLookAtEtcd)};
  }
  const Catalog& catalog = **facts.catalog;
  return {{.area = "source",
           .finding = "its catalog can be read: " + std::to_string(catalog.collections.size()) +
                      " collections in " + std::to_string(catalog.databases.size()) +
                      " databases; the task covers " + std::to_string(facts.collections.size())}};
}

PlanItems JudgeExpiry(const TaskSpec& spec, const TaskFacts& facts) {
  if (facts.can_copy_expired) {
    return {};
  }
  const std::string cure = std::string("set ") + SnapshotSettingOf(spec.snapshot.from) +
                           " in the configuration, or use on_expired stop";
  return {RefusedItem(
      "source", "",
      FailedPreconditionError("on_expired snapshot needs the stored rows of the source: " + cure),
      cure)};
}

// A task that can do without the collections concerned sets them aside later.
PlanItems JudgeTypes(const TaskSpec& spec, const TaskFacts& facts) {
  if (!facts.target) {
    return {};
  }
  // A standby deletes by messages, whatever its API can express.
  const TargetTraits traits{.deletes_by = spec.sink_mode == SinkMode::kReplicate
                                              ? std::nullopt
                                              : facts.target->deletes_by};
  PlanItems items;
  for (const CollectionFacts& each : facts.collections) {
    const Status checked = CheckReplicable(*each.match.collection, each.match.name, traits);
    if (!checked.ok()) {
      items.push_back(RefusedItem("collection", each.match.name.ToString(), checked, kExclude));
    }
  }
  if (items.size() < facts.collections.size() &&
      spec.on_collection_error == OnCollectionError::kSetAside) {
    for (PlanItem& item : items) {
      item.severity = PlanSeverity::kWarning;
      item.finding += "; it would be set aside";
      item.refusal = OkStatus();
    }
  }
  return items;
}

// A place of a collection that is not there would be forgotten silently.
PlanItems JudgeGivenNames(const TaskSpec& spec, const TaskFacts& facts) {
  const Scope scope(spec);
  PlanItems items;
  for (const auto& [name, positions] : scope.positions()) {
    const auto is_it = [&name = name](const CollectionFacts& each) {
      return each.match.name == name;
    };
    if (std::ranges::none_of(facts.collections, is_it)) {
      items.push_back(RefusedItem(
          "rows", name.ToString(),
          InvalidArgumentError("positions are given for " + name.ToString() +
                               ", which the source does not have or the task does not cover: "
                               "leave them out"),
          "leave them out"));
    }
  }
  return items;
}

PlanItems JudgeCopies(const TaskFacts& facts) {
  PlanItems items;
  for (const CollectionFacts& each : facts.collections) {
    if (each.copy && !each.copy->ok()) {
      const std::string name = each.match.name.ToString();
      items.push_back(RefusedItem("rows", name,
                                  each.copy->status().WithContext("the stored rows of collection " +
                                                                  name + " cannot be copied"),
                                  "use start_from latest or earliest, or see docs/snapshot.md"));
    }
  }
  return items;
}

PlanItems JudgeReplicateChannel(const TaskFacts& facts) {
  if (facts.replicate_begin.ok()) {
    return {};
  }
  return {RefusedItem("queue", "", facts.replicate_begin.status(),
                      "see whether the source's queue runs and holds this position, or leave "
                      "rpc_channel_info out")};
}

// What the queue was asked, and whether it has answered; an error that may pass is no answer.
struct QueueTalk {
  bool asked = false;
  bool answered = false;

  void Note(const Status& answer) {
    asked = true;
    answered = answered || !IsRetryable(answer);
  }
};

QueueTalk TalkWithQueue(const TaskFacts& facts) {
  QueueTalk talk;
  for (const CollectionFacts& each : facts.collections) {
    for (const auto& [channel, held] : each.held) {
      talk.Note(held);
    }
    for (const auto& [channel, latest] : each.latest) {
      talk.Note(latest.status());
    }
    if (each.copy && each.copy->ok()) {
      talk.Note(OkStatus());  // it holds where the log takes over
    }
  }
  return talk;
}

PlanItems JudgeQueue(const TaskFacts& facts, const PlanItems& items) {
  const bool failed =
      std::ranges::any_of(items, [](const PlanItem& item) { return item.area == "queue"; });
  if (failed || facts.queue_kind.empty()) {
    return {};
  }
  const std::string kind = "the source's queue is " + facts.queue_kind;
  const QueueTalk talk = TalkWithQueue(facts);
  if (talk.asked && !talk.answered) {
    return {{.severity = PlanSeverity::kWarning,
             .area = "queue",
             .finding = kind + ", and it does not answer",
             .cure = "see whether the source's queue runs"}};
  }
  return {
      {.area = "queue",
       .finding = kind + (talk.asked ? ", and it answers" : "; nothing of it had to be asked")}};
}

// A task may wait for a collection; a wrong name waits forever.
PlanItems JudgeNames(const TaskSpec& spec, const TaskFacts& facts) {
  const auto is_pattern = [](const std::string& name) {
    return name.find_first_of("*?") != std::string::npos;
  };
  const Scope scope(spec);
  PlanItems items;
  const auto look_for = [&](const std::string& database, const std::vector<CollectionInfo>& infos) {
    for (const CollectionInfo& info : infos) {
      const CollectionName name{database, info.name};
      const bool found = is_pattern(database) || is_pattern(info.name) ||
                         std::ranges::any_of(facts.collections, [&](const CollectionFacts& each) {
                           return each.match.name == name;
                         });
      if (!found && scope.Covers(name)) {
        items.push_back({.severity = PlanSeverity::kWarning,
                         .area = "collection",
                         .object = name.ToString(),
                         .finding = "the source has no collection of this name",
                         .cure = "correct the name, or let the task wait until it is created"});
      }
    }
  };
  look_for(kDefaultDatabase, spec.collection_infos);
  for (const auto& [database, infos] : spec.db_collections) {
    look_for(database, infos);
  }
  if (items.empty() && facts.collections.empty()) {
    items.push_back({.severity = PlanSeverity::kWarning,
                     .area = "collection",
                     .finding = "the source has no collection that the task would cover",
                     .cure = "correct the names, or let the task wait for collections"});
  }
  return items;
}

}  // namespace

PlanItems JudgeSource(const TaskSpec& spec, const TaskFacts& facts) {
  PlanItems items = JudgeCatalog(facts);
  if (facts.catalog.ok()) {
    AppendItems(JudgeExpiry(spec, facts), &items);
    AppendItems(JudgeTypes(spec, facts), &items);
    AppendItems(JudgeGivenNames(spec, facts), &items);
    AppendItems(JudgeCopies(facts), &items);
    if (!facts.present.ok()) {
      items.push_back(RefusedItem("source", "", facts.present.status(), kLookAtEtcd));
    }
    const LogChoice choice = ChooseCopyLog(spec, facts);
    for (const CollectionFacts& each : facts.collections) {
      AppendItems(JudgeRows(each, choice), &items);
    }
    AppendItems(JudgeNames(spec, facts), &items);
  }
  AppendItems(JudgeReplicateChannel(facts), &items);
  AppendItems(JudgeQueue(facts, items), &items);
  return items;
}

LogChoice ChooseCopyLog(const TaskSpec& spec, const TaskFacts& facts) {
  int64_t bytes = 0;
  for (const CollectionFacts& each : facts.collections) {
    bytes += each.copy && each.copy->ok() ? (*each.copy)->bytes : 0;
  }
  return ChooseLog(spec.snapshot.log, bytes, facts.copy_rate, facts.queue_holds);
}

}  // namespace cdc
