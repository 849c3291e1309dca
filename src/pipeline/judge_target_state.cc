#include "pipeline/judge_target_state.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "reconcile/access/plan_access.h"
#include "reconcile/plan/lacks.h"
#include "reconcile/plan/plan.h"

namespace cdc {
namespace {

constexpr const char* kOtherSchema =
    "drop or rename the collection on the target, give it another name there (name_mapping), or "
    "leave it out (exclude)";

std::string Join(const std::vector<std::string>& texts) {
  std::string joined;
  for (const std::string& text : texts) {
    joined += (joined.empty() ? "" : ", ") + text;
  }
  return joined;
}

std::string Count(size_t count, const std::string& what, const std::string& plural) {
  return std::to_string(count) + " " + (count == 1 ? what : plural);
}

class TargetJudge {
 public:
  TargetJudge(const TaskSpec& spec, const TaskFacts& facts) : spec_(spec), facts_(facts) {}

  PlanItems Run() && {
    JudgeDatabases();
    JudgeCollidingNames();
    for (const CollectionFacts& each : facts_.collections) {
      JudgeVersion(each);
      JudgeCollection(each);
    }
    for (const auto& [alias, source] : facts_.hidden_aliases) {
      Add(PlanSeverity::kWarning, "names", source,
          "its alias " + alias.collection + " is the name of a collection on the target",
          "drop or rename that collection, or the alias on the source");
    }
    JudgeNotCompared();
    JudgeAccess();
    return std::move(items_);
  }

 private:
  void Add(PlanSeverity severity,
           const char* area,
           const CollectionName& object,
           std::string finding,
           std::string cure = "") {
    items_.push_back({.severity = severity,
                      .area = area,
                      .object = object.database.empty() ? "" : object.ToString(),
                      .finding = std::move(finding),
                      .cure = std::move(cure)});
  }

  void JudgeDatabases() {
    if (!facts_.target_databases) {
      return;
    }
    if (!(*facts_.target_databases).ok()) {
      Add(PlanSeverity::kWarning, "target", {},
          "its databases and collections cannot be listed, so nothing of it was compared: " +
              (*facts_.target_databases).status().message(),
          "give the user of the token the rights to list and describe them, and look whether the "
          "target is healthy");
      return;
    }
    const std::vector<std::string>& existing = **facts_.target_databases;
    std::set<std::string> missing;
    for (const CollectionFacts& each : facts_.collections) {
      if (std::ranges::find(existing, each.target.database) == existing.end()) {
        missing.insert(each.target.database);
      }
    }
    for (const std::string& database : missing) {
      Add(PlanSeverity::kOk, "target", {}, "database " + database + " would be created");
    }
  }

  // Of two collections that want one name, only one can have it.
  void JudgeCollidingNames() {
    std::map<CollectionName, std::vector<std::string>> sources;
    for (const CollectionFacts& each : facts_.collections) {
      sources[each.target].push_back(each.match.name.ToString());
    }
    for (const auto& [target, names] : sources) {
      if (names.size() > 1) {
        Add(PlanSeverity::kWarning, "names", target,
            "this one name on the target is wanted for " + Join(names) +
                ": only one of them can have it, the others would wait",
            "map all but one of them to other names (name_mapping), or leave them out (exclude)");
      }
    }
  }

  void JudgeVersion(const CollectionFacts& each) {
    if (!facts_.target) {
      return;
    }
    for (std::string& lack : WhatVersionLacks(*each.match.collection, facts_.target->version)) {
      Add(PlanSeverity::kWarning, "schema", each.match.name, std::move(lack),
          "upgrade the target, or leave the collection out (exclude)");
    }
  }

  void JudgeCollection(const CollectionFacts& each) {
    if (!each.on_target) {
      return;
    }
    if (!(*each.on_target).ok()) {
      Add(PlanSeverity::kWarning, "collection", each.match.name,
          "it cannot be looked for on the target: " + (*each.on_target).status().message(),
          "give the user of the token the right to describe it, and look whether the target is "
          "healthy");
    } else if ((*each.on_target)->has_value()) {
      JudgeExisting(each, ***each.on_target);
    } else {
      JudgeMissing(each);
    }
  }

  void JudgeMissing(const CollectionFacts& each) {
    const Collection& source = *each.match.collection;
    const auto partitions = static_cast<size_t>(std::ranges::count_if(source.partitions, Exists));
    Add(PlanSeverity::kOk, "collection", each.match.name,
        "would be created on the target as " + each.target.ToString() + ", with " +
            Count(partitions, "partition", "partitions") + ", " +
            (spec_.sync_index ? Count(source.indexes.size(), "index", "indexes") : "no index") +
            " and " + Count(source.aliases.size(), "alias", "aliases"));
  }

  void JudgeExisting(const CollectionFacts& each, const TargetCollection& actual) {
    const std::vector<std::string> differences =
        ListDifferences(*each.match.collection, actual, Traits());
    for (const std::string& difference : differences) {
      Add(PlanSeverity::kWarning, "schema", each.match.name,
          "the target has a " + each.target.ToString() + " that differs: " + difference,
          kOtherSchema);
    }
    if (!differences.empty()) {
      return;
    }
    if (!spec_.target.ignore_partition) {
      const Status partitions = CheckPartitions(*each.match.collection, each.target, actual);
      if (!partitions.ok()) {
        Add(PlanSeverity::kWarning, "names", each.match.name, partitions.message(),
            "leave the collection out (exclude), or set ignore_partition");
      }
    }
    JudgeContent(each, actual);
    JudgeChanges(each, actual);
  }

  void JudgeContent(const CollectionFacts& each, const TargetCollection& actual) {
    const std::string exists = "exists on the target as " + each.target.ToString() + " and fits; ";
    if (each.start != StartFrom::kSnapshot || each.given) {
      Add(PlanSeverity::kNote, "collection", each.match.name,
          exists + "rows that only the target has stay");
    } else if (actual.loaded) {
      Add(PlanSeverity::kWarning, "collection", each.match.name,
          exists + "the copy removes the rows that only the target has",
          "give it another name there (name_mapping) if they are to stay");
    } else {
      Add(PlanSeverity::kWarning, "collection", each.match.name,
          exists + "it is not loaded, so it would be dropped there and created anew",
          "load it on the target, or give it another name there (name_mapping)");
    }
  }

  void JudgeChanges(const CollectionFacts& each, const TargetCollection& actual) {
    const PlanOptions options{.partitions = !spec_.target.ignore_partition,
                              .indexes = spec_.sync_index,
                              .load = spec_.sync_load};
    std::vector<std::string> changes;
    for (const Ddl& ddl : PlanCollection(*each.match.collection, each.target, actual, options)) {
      changes.push_back(Describe(ddl));
    }
    if (!changes.empty()) {
      Add(PlanSeverity::kNote, "collection", each.match.name,
          "to make the two alike: " + Join(changes),
          "sync_index false and sync_load false leave indexes and load state alone");
    }
  }

  void JudgeNotCompared() {
    if (facts_.not_compared == 0) {
      return;
    }
    const std::string what = Count(facts_.not_compared, "collection was", "collections were") +
                             " not, or not with all aliases, looked for on the target: ";
    if (facts_.look_ended.ok()) {
      Add(PlanSeverity::kNote, "collection", {}, what + "there are too many",
          "ask for plans of parts of them");
    } else {
      Add(PlanSeverity::kWarning, "collection", {}, what + facts_.look_ended.message(),
          "look whether the target is healthy, and ask again");
    }
  }

  void JudgeAccess() {
    if (!spec_.enable_user_role || !facts_.catalog.ok()) {
      return;
    }
    const Catalog& catalog = **facts_.catalog;
    if (catalog.access == nullptr) {
      Add(PlanSeverity::kNote, "access", {}, "the source keeps no users and roles");
      return;
    }
    const WantedAccess wanted = FindWantedAccess(*catalog.access, Scope(spec_));
    Add(PlanSeverity::kOk, "access", {},
        "of the source's users, roles and grants " + std::to_string(wanted.items.size()) +
            " would be replicated");
    if (const size_t left = wanted.outside.size() + wanted.of_groups.size(); left > 0) {
      Add(PlanSeverity::kNote, "access", {},
          Count(left, "grant is", "grants are") +
              " of what the task does not cover, or of groups of privileges, and left out");
    }
    if (!facts_.target_access) {
      return;
    }
    if (!(*facts_.target_access).ok()) {
      Add(PlanSeverity::kWarning, "access", {},
          "the target's users and roles cannot be read: " +
              (*facts_.target_access).status().message(),
          "give the token of a user that may manage them");
      return;
    }
    const AccessPlan plan =
        PlanAccess(wanted.items, **facts_.target_access, {}, spec_.target.ResolvedUser());
    if (!plan.missing_users.empty()) {
      Add(PlanSeverity::kWarning, "access", {},
          "only the source has the users " + Join(plan.missing_users) +
              ", and their passwords cannot be read",
          "create them on the target, with any password, and their roles follow (docs/users.md)");
    }
  }

  TargetTraits Traits() const {
    return spec_.sink_mode == SinkMode::kReplicate
               ? TargetTraits{.keeps_auto_id = true, .same_shards = true}
               : TargetTraits{.deletes_by =
                                  facts_.target ? facts_.target->deletes_by : std::nullopt};
  }

  const TaskSpec& spec_;
  const TaskFacts& facts_;
  PlanItems items_;
};

}  // namespace

PlanItems JudgeTargetState(const TaskSpec& spec, const TaskFacts& facts) {
  return TargetJudge(spec, facts).Run();
}

}  // namespace cdc
