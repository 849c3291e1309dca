#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "metastore/meta_store.h"
#include "model/catalog.h"
#include "pipeline/replication.h"
#include "scope/scope.h"
#include "source/log.h"

namespace cdc {

// The copies that are done while their collections are still aside: see TaskChanges::follow_copied.
TaskChanges FinishedCopies(const MetaStore::Progress& progress);

// Carries out TaskChanges on the progress of a stopped task, in memory. What the source no longer
// has is left out.
class TaskEditor {
 public:
  struct Parts {
    const Catalog* catalog;
    Log* log;
    const Scope* scope;
    bool can_copy;                                      // whether stored rows can be read
    std::string copy_setting = "sourceConfig.storage";  // what has to be set for that
    bool can_filter = false;                            // whether the source can be queried
    bool ignore_partition = false;                      // the target has one partition for all
    Timestamp present;  // at or above the time of every row ever sent
    int64_t now_unix_ms;
  };

  // All of it must outlive this.
  TaskEditor(Parts parts, MetaStore::Progress* progress)
      : parts_(std::move(parts)), progress_(progress) {}

  // kFailedPrecondition: that collection cannot be changed so; says why. Then nothing is changed.
  Status Apply(const TaskChanges& changes);

 private:
  Status ApplyTo(const TaskChanges& changes);
  Status Follow(const Collection& collection);
  void ForgetGone();
  Status TakeUpOrCopy(const Collection& collection);
  Status Copy(const Collection& collection, const CopySelection& selection);
  Status CopyFromTheBeginning(const Collection& collection);
  void Begin(const Collection& collection);
  Status CheckPartitions(const Collection& collection, const CopySelection& selection) const;
  Status BeginSelection(const Collection& collection, const CopySelection& selection);
  Status Cancel(const Collection& collection);
  Status CopyExpired(const std::string& channel);
  Status CheckPlaces(const Collection& collection) const;
  Status CheckCanCopy(const CollectionName& name, const CopySelection& selection) const;
  ReplicatedCollection* FindRecord(CollectionId collection);  // nullptr: the task has not begun it
  const SnapshotProgress* FindCopy(CollectionId collection) const;     // one that is not done
  const SnapshotProgress* FindAnyCopy(CollectionId collection) const;  // nullptr: there is none
  const Collection* Find(CollectionId collection) const;
  CollectionName NameOf(const Collection& collection) const;

  const Parts parts_;
  MetaStore::Progress* const progress_;
};

}  // namespace cdc
