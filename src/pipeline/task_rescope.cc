#include "pipeline/task_rescope.h"

#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <utility>

#include "pipeline/collection_beginning.h"
#include "pipeline/gather_facts.h"
#include "pipeline/judge_source.h"
#include "pipeline/task_changes.h"
#include "scope/scope.h"

namespace cdc {
namespace {

constexpr const char* kKept =
    "the target keeps the rows it has and gets no more; if it is covered again, it begins anew";

std::string RowsOf(const CollectionFacts& facts) {
  if (facts.given) {
    return "from the given positions";
  }
  const std::string start = "from " + std::string(StartFromName(facts.start));
  switch (facts.start) {
    case StartFrom::kLatest: return start + ": those that come from now on";
    case StartFrom::kEarliest: return start + ": all since it was created";
    case StartFrom::kSnapshot: return start + ": the stored rows, then those of the log";
  }
  return start;
}

class Rescoping {
 public:
  Rescoping(const TaskSpec& before, const TaskSpec& after, const Catalog& catalog)
      : before_(before), after_(after), after_spec_(after), catalog_(catalog) {}

  // Forgets what is no longer covered.
  Status Remove(MetaStore::Progress* progress) {
    const std::vector<ReplicatedCollection> known = progress->collections;
    for (const ReplicatedCollection& record : known) {
      const CollectionName name = NameOf(record);
      // One that was begun is followed under whatever name it got later.
      const bool covered = after_.Covers(name) || after_.Covers(record.source) ||
                           !(before_.Covers(name) || before_.Covers(record.source));
      if (!covered) {
        ForgetCollection(record.id, progress);
        notes_.push_back({.collection = name, .what = ScopeNote::What::kRemoved, .rows = kKept});
      } else if (record.on_target && before_.Target(name) != after_.Target(name)) {
        return InvalidArgumentError(
            "collection " + name.ToString() + " is on the target as " + record.target.ToString() +
            " and cannot become " + after_.Target(name).ToString() +
            ": leave its mapping as it is, or create a new task with the other one");
      }
    }
    // Those that were set aside before they were begun.
    std::erase_if(progress->aside, [this](const AsideCollection& aside) {
      return before_.Covers(aside.name) && !after_.Covers(aside.name);
    });
    std::erase_if(progress->databases,
                  [this](const std::string& name) { return !after_.CoversDatabase(name); });
    return OkStatus();
  }

  // The task as a new one that covers only what the old one did not.
  TaskSpec OnlyAdded(const MetaStore::Progress& progress) const {
    TaskSpec added = after_spec_;
    added.rpc_channel_position.clear();  // the channel goes on where it is
    std::set<CollectionId> begun;
    for (const ReplicatedCollection& record : progress.collections) {
      begun.insert(record.id);
    }
    std::set<CollectionName> known;
    for (const Scope::Match& match : after_.Select(catalog_)) {
      if (begun.contains(match.collection->id) || before_.Covers(match.name)) {
        known.insert(match.name);
        added.exclude.push_back(match.name.ToString());
      }
    }
    const auto forget_positions = [&known](const std::string& database, auto* infos) {
      for (CollectionInfo& info : *infos) {
        if (known.contains({database, info.name})) {
          info.positions.clear();
        }
      }
    };
    forget_positions(kDefaultDatabase, &added.collection_infos);
    for (auto& [database, infos] : added.db_collections) {
      forget_positions(database, &infos);
    }
    return added;
  }

  void Add(const CollectionFacts& facts, Timestamp present, MetaStore::Progress* progress) {
    const Collection& collection = *facts.match.collection;
    const CollectionBeginning beginning = BeginningOf(facts, present);
    progress->collections.push_back(beginning.record);
    if (beginning.given) {
      progress->snapshots.push_back(*beginning.given);
    }
    notes_.push_back(
        {.collection = facts.match.name, .what = ScopeNote::What::kAdded, .rows = RowsOf(facts)});
    if (!beginning.given && facts.start == StartFrom::kLatest) {
      return;  // its channels go on where they are, and its record says what to skip
    }
    // The checkpoints of its channels say nothing of it: the target has none of its rows.
    progress->aside.push_back(
        {.collection = collection.id, .name = facts.match.name, .reason = "", .left_at = {}});
    if (!beginning.given && facts.start == StartFrom::kSnapshot) {
      CopyAgain(collection, {}, progress);
    } else {
      TakeUp(collection, present, progress);
    }
  }

  std::vector<ScopeNote> TakeNotes() { return std::move(notes_); }

 private:
  CollectionName NameOf(const ReplicatedCollection& record) const {
    const auto collection = catalog_.Find(record.id);
    return collection == nullptr
               ? record.source
               : CollectionName{catalog_.DatabaseName(collection->database), collection->name};
  }

  const Scope before_;
  const Scope after_;
  const TaskSpec& after_spec_;
  const Catalog& catalog_;
  std::vector<ScopeNote> notes_;
};

}  // namespace

Result<std::vector<ScopeNote>> RescopeTask(const ReplicatorOptions& options,
                                           const TaskSpec& before,
                                           const TaskRecord& task,
                                           const TargetInfo& target,
                                           double copy_rate) {
  CDC_ASSIGN_OR_RETURN(const std::shared_ptr<const Catalog> catalog,
                       options.catalog->Sync(std::stop_token()));
  CDC_ASSIGN_OR_RETURN(MetaStore::Progress progress, options.store->LoadProgress(task.spec.id));
  Rescoping rescoping(before, task.spec, *catalog);
  CDC_RETURN_IF_ERROR(rescoping.Remove(&progress));
  const TaskSpec added = rescoping.OnlyAdded(progress);
  const TaskFacts facts = GatherFacts(options, added, &target, copy_rate, GatherFor::kCreate);
  CDC_RETURN_IF_ERROR(FirstRefusal(JudgeSource(added, facts)));
  for (const CollectionFacts& each : facts.collections) {
    rescoping.Add(each, *facts.present, &progress);
  }
  CDC_RETURN_IF_ERROR(options.store->ReplaceTask(task, progress));
  return rescoping.TakeNotes();
}

}  // namespace cdc
