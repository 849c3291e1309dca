#include "pipeline/task_rescope.h"

#include <algorithm>
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
  Rescoping(const ReplicatorOptions& options,
            const TaskSpec& before,
            const TaskSpec& after,
            const Catalog& catalog)
      : options_(options), before_(before), after_(after), after_spec_(after), catalog_(catalog) {}

  // Forgets what is no longer covered.
  Status Remove(MetaStore::Progress* progress) {
    const std::vector<ReplicatedCollection> known = progress->collections;
    for (const ReplicatedCollection& record : known) {
      const CollectionName name = NameOf(record.id, record.source);
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
    std::erase_if(progress->aside, [&](const AsideCollection& aside) {
      const CollectionName name = NameOf(aside.collection, aside.name);
      return !IsBegun(aside.collection, *progress) && before_.Covers(name) && !after_.Covers(name);
    });
    ForgetUnusedChannels(progress);
    std::erase_if(progress->databases,
                  [this](const std::string& name) { return !after_.CoversDatabase(name); });
    return OkStatus();
  }

  // The task as a new one that covers only what the old one did not.
  TaskSpec OnlyAdded(const MetaStore::Progress& progress) const {
    TaskSpec added = after_spec_;
    added.rpc_channel_position.clear();  // the channel goes on where it is
    std::set<CollectionName> known;
    for (const Scope::Match& match : after_.Select(catalog_)) {
      if (IsKnown(match, progress)) {
        known.insert(match.name);
        added.exclude.push_back(match.name.ToString());
      }
    }
    // Also those of a collection that is gone: it was covered, so they were looked at.
    const auto forget_positions = [this, &known](const std::string& database, auto* infos) {
      for (CollectionInfo& info : *infos) {
        const CollectionName name{database, info.name};
        if (known.contains(name) || before_.Covers(name)) {
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

  // Not what has been created or renamed since the catalog was read: the running task meets it.
  void Add(const CollectionFacts& facts, Timestamp present, MetaStore::Progress* progress) {
    if (IsKnown(facts.match, *progress)) {
      return;
    }
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
      TakeUp(collection, present, *options_.log, progress);
    }
  }

  std::vector<ScopeNote> TakeNotes() { return std::move(notes_); }

 private:
  // `source`: if the catalog no longer has it.
  CollectionName NameOf(CollectionId id, const CollectionName& source) const {
    const auto collection = catalog_.Find(id);
    return collection == nullptr
               ? source
               : CollectionName{catalog_.DatabaseName(collection->database), collection->name};
  }

  static bool IsBegun(CollectionId id, const MetaStore::Progress& progress) {
    return std::ranges::any_of(progress.collections,
                               [id](const ReplicatedCollection& known) { return known.id == id; });
  }

  // Whether it is the task's already, begun or not.
  bool IsKnown(const Scope::Match& match, const MetaStore::Progress& progress) const {
    const CollectionId id = match.collection->id;
    return before_.Covers(match.name) || IsBegun(id, progress) || FindAside(id, progress);
  }

  // A later collection begins there at its own place: the queue may no longer hold a checkpoint
  // that nobody has moved for long.
  void ForgetUnusedChannels(MetaStore::Progress* progress) const {
    std::set<std::string> used = {options_.replicate_channel};
    for (const ReplicatedCollection& record : progress->collections) {
      used.insert(record.pchannels.begin(), record.pchannels.end());
    }
    // Not all of them have a record yet, e.g. in a task of the earlier program.
    for (const Scope::Match& match : after_.Select(catalog_)) {
      if (before_.Covers(match.name)) {
        used.insert(match.collection->pchannels.begin(), match.collection->pchannels.end());
      }
    }
    std::erase_if(progress->channels, [&](const ChannelCheckpoint& channel) {
      return !used.contains(channel.channel);
    });
  }

  const ReplicatorOptions& options_;
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
  Rescoping rescoping(options, before, task.spec, *catalog);
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
