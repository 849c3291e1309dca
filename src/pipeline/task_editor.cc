#include "pipeline/task_editor.h"

#include <algorithm>
#include <set>
#include <utility>

#include "pipeline/task_changes.h"
#include "snapshot/check_takeovers.h"

namespace cdc {

TaskChanges FinishedCopies(const MetaStore::Progress& progress) {
  TaskChanges changes;
  for (const SnapshotProgress& copy : progress.snapshots) {
    const AsideCollection* aside = FindAside(copy.collection, progress);
    if (copy.done && aside != nullptr && aside->reason.empty()) {
      changes.follow_copied.insert(copy.collection);
    }
  }
  return changes;
}

Status TaskEditor::Apply(const TaskChanges& changes) {
  MetaStore::Progress before = *progress_;
  Status status = ApplyTo(changes);
  if (!status.ok()) {
    *progress_ = std::move(before);
  }
  return status;
}

Status TaskEditor::ApplyTo(const TaskChanges& changes) {
  // Before anything else is decided about them, and whoever asks.
  for (const CollectionId id : FinishedCopies(*progress_).follow_copied) {
    if (const Collection* collection = Find(id)) {
      CDC_RETURN_IF_ERROR(Follow(*collection));
    }
  }
  ForgetGone();
  for (const std::string& channel : changes.expired) {
    CDC_RETURN_IF_ERROR(CopyExpired(channel));
  }
  for (const CollectionId id : changes.cancel) {
    if (const Collection* collection = Find(id)) {
      CDC_RETURN_IF_ERROR(Cancel(*collection));
    }
  }
  for (const CollectionId id : changes.take_up) {
    if (const Collection* collection = Find(id)) {
      CDC_RETURN_IF_ERROR(TakeUpOrCopy(*collection));
    }
  }
  for (const auto& [id, selection] : changes.copy_again) {
    if (const Collection* collection = Find(id)) {
      CDC_RETURN_IF_ERROR(Copy(*collection, selection));
    }
  }
  for (const auto& [id, reason] : changes.set_aside) {
    const Collection* collection = Find(id);
    if (collection == nullptr) {
      continue;
    }
    SetAside(*collection, NameOf(*collection), reason, parts_.now_unix_ms, progress_);
    if (changes.copy_later.contains(id) && FindCopy(id) == nullptr) {
      Begin(*collection);
      CopyAgain(*collection, {}, progress_);
    }
  }
  return OkStatus();
}

// The copy is done. If the queue has lost its takeover meanwhile, there must be another one; of
// everything, so that it does not matter where the rows are that were not copied.
Status TaskEditor::Follow(const Collection& collection) {
  const SnapshotProgress* copy = FindAnyCopy(collection.id);
  const bool is_whole = copy->selection.IsAll();
  Status held = CheckTakeovers(collection, copy->takeover, parts_.log);
  if (held.ok() && !is_whole) {
    held = CheckPlaces(collection);
  }
  if (held.code() == StatusCode::kOutOfRange && parts_.can_copy) {
    CancelCopy(collection, progress_);
    CopyAgain(collection, {}, progress_);
    return OkStatus();
  }
  if (held.code() == StatusCode::kOutOfRange && !is_whole) {
    CancelCopy(collection, progress_);
    SetAside(collection, NameOf(collection),
             "its log cannot go on after the copy of some of its rows: " + held.message() +
                 "; set " + parts_.copy_setting +
                 " in the configuration and copy all of it (`milvus-cdc task snapshot`)",
             parts_.now_unix_ms, progress_);
    return OkStatus();
  }
  CDC_RETURN_IF_ERROR(held);
  FollowCopied(collection, parts_.present, *parts_.log, progress_);
  return OkStatus();
}

// What the source has dropped while it was aside, and what the task had not begun.
void TaskEditor::ForgetGone() {
  std::erase_if(progress_->aside, [this](const AsideCollection& aside) {
    return Find(aside.collection) == nullptr && FindRecord(aside.collection) == nullptr;
  });
}

// From where it was left, if the queue still holds that place.
Status TaskEditor::TakeUpOrCopy(const Collection& collection) {
  const CollectionName name = NameOf(collection);
  const AsideCollection* aside = FindAside(collection.id, *progress_);
  if (aside == nullptr || aside->reason.empty()) {
    return FailedPreconditionError("collection " + name.ToString() + " is not set aside");
  }
  const SnapshotProgress* copy = FindCopy(collection.id);
  if (copy != nullptr) {
    CDC_RETURN_IF_ERROR(CheckCanCopy(name, copy->selection));
  }
  if (copy != nullptr && !IsLogApplied(*copy)) {
    const Status held = CheckTakeovers(collection, copy->takeover, parts_.log);
    if (held.code() == StatusCode::kOutOfRange) {
      return Copy(collection, CopySelection(copy->selection));
    }
    CDC_RETURN_IF_ERROR(held);
    TakeUp(collection, parts_.present, *parts_.log, progress_);
    return OkStatus();
  }
  const Status held = CheckPlaces(collection);
  if (held.code() == StatusCode::kOutOfRange) {
    return parts_.can_copy ? Copy(collection, {})
                           : FailedPreconditionError(
                                 "collection " + name.ToString() +
                                 " cannot go on from where it was set aside: " + held.message() +
                                 "; set " + parts_.copy_setting +
                                 " in the configuration, so that its stored rows can be copied");
  }
  CDC_RETURN_IF_ERROR(held);
  TakeUp(collection, parts_.present, *parts_.log, progress_);
  return OkStatus();
}

// kOutOfRange: the queue no longer holds the places from where the collection would go on.
Status TaskEditor::CheckPlaces(const Collection& collection) const {
  for (const std::string& channel : collection.pchannels) {
    const Takeover place = PlaceToGoOn(collection, channel, *progress_);
    if (!place.position.empty()) {
      CDC_RETURN_IF_ERROR(parts_.log->CheckPosition(channel, {.id = place.position}));
    }
  }
  return OkStatus();
}

Status TaskEditor::CheckCanCopy(const CollectionName& name, const CopySelection& selection) const {
  if (!selection.filter.empty()) {
    return parts_.can_filter
               ? OkStatus()
               : FailedPreconditionError(
                     "rows of collection " + name.ToString() +
                     " cannot be copied with a filter, which only the source's Milvus understands: "
                     "set sourceConfig.milvus in the server's configuration, or copy without a "
                     "filter");
  }
  return parts_.can_copy ? OkStatus()
                         : FailedPreconditionError(
                               "the stored rows of collection " + name.ToString() +
                               " cannot be copied: the server does not know where to read them; "
                               "set " +
                               parts_.copy_setting + " in its configuration");
}

Status TaskEditor::Copy(const Collection& collection, const CopySelection& selection) {
  const CollectionName name = NameOf(collection);
  CDC_RETURN_IF_ERROR(CheckCanCopy(name, selection));
  const AsideCollection* aside = FindAside(collection.id, *progress_);
  if (FindCopy(collection.id) != nullptr && (aside == nullptr || aside->reason.empty())) {
    return FailedPreconditionError("collection " + name.ToString() + " is being copied already");
  }
  return selection.IsAll() ? CopyFromTheBeginning(collection)
                           : BeginSelection(collection, selection);
}

Status TaskEditor::CopyFromTheBeginning(const Collection& collection) {
  const CollectionName name = NameOf(collection);
  CDC_RETURN_IF_ERROR(CheckCanCopy(name, {}));
  Begin(collection);
  SetAside(collection, name, "", parts_.now_unix_ms, progress_);
  CopyAgain(collection, {}, progress_);
  return OkStatus();
}

// The rows that are not copied are taken as they are on the target, and the log goes on from where
// these are. So the collection must be there, and the queue must hold that place.
Status TaskEditor::BeginSelection(const Collection& collection, const CopySelection& selection) {
  const CollectionName name = NameOf(collection);
  CDC_RETURN_IF_ERROR(CheckPartitions(collection, selection));
  const SnapshotProgress* copy = FindCopy(collection.id);
  if (copy != nullptr && copy->selection.IsAll()) {
    return FailedPreconditionError(
        "a copy of all of collection " + name.ToString() +
        " was begun, and has to be finished first: run `milvus-cdc task retry`");
  }
  ReplicatedCollection* known = FindRecord(collection.id);
  if (known == nullptr || !known->seen_on_target) {
    return FailedPreconditionError("the target does not have collection " + name.ToString() +
                                   " from this task yet, so all of it has to be copied: leave out "
                                   "the partitions and the filter");
  }
  known->may_hold_until = parts_.present;
  SetAside(collection, name, "", parts_.now_unix_ms, progress_);
  CopyAgain(collection, selection, progress_);
  const Status held = CheckPlaces(collection);
  return held.code() != StatusCode::kOutOfRange
             ? held
             : FailedPreconditionError(
                   "the queue no longer holds what the rest of collection " + name.ToString() +
                   " lacks, so all of it has to be copied: leave out the partitions and the "
                   "filter: " +
                   held.message());
}

Status TaskEditor::CheckPartitions(const Collection& collection,
                                   const CopySelection& selection) const {
  if (selection.partitions.empty()) {
    return OkStatus();
  }
  const std::string name = NameOf(collection).ToString();
  if (collection.schema.HasPartitionKey()) {
    return FailedPreconditionError(
        "Milvus itself chooses the partitions of collection " + name +
        ", by its partition key: select its rows with a filter on that field");
  }
  if (parts_.ignore_partition && selection.Replaces()) {
    return FailedPreconditionError(
        "the task has ignore_partition, so on the target the rows of all partitions of "
        "collection " +
        name + " are in one: copy it as a whole, or select rows with a filter");
  }
  std::set<std::string> there;
  for (const Partition& partition : collection.partitions) {
    if (partition.state == ObjectState::kCreated) {
      there.insert(partition.name);
    }
  }
  for (const std::string& wanted : selection.partitions) {
    if (!there.contains(wanted)) {
      std::string list;
      for (const std::string& each : there) {
        list += (list.empty() ? "" : ", ") + each;
      }
      return FailedPreconditionError("collection " + name + " has no partition " + wanted +
                                     "; it has " + list);
    }
  }
  return OkStatus();
}

// Whatever the target has of it, it may hold any of its rows. If it has been removed there, it is
// created again.
void TaskEditor::Begin(const Collection& collection) {
  if (ReplicatedCollection* known = FindRecord(collection.id)) {
    known->may_hold_until = parts_.present;
    known->seen_on_target = false;
    return;
  }
  const CollectionName name = NameOf(collection);
  progress_->collections.push_back({.id = collection.id,
                                    .source = name,
                                    .target = parts_.scope->Target(name),
                                    .pchannels = collection.pchannels,
                                    .created = collection.created,
                                    .skip_until = {},
                                    .may_hold_until = parts_.present});
}

Status TaskEditor::Cancel(const Collection& collection) {
  const std::string name = NameOf(collection).ToString();
  const AsideCollection* aside = FindAside(collection.id, *progress_);
  const SnapshotProgress* copy = FindCopy(collection.id);
  // One of some rows was begun only because there was such a place, if only its beginning.
  if (copy == nullptr || aside == nullptr || (copy->selection.IsAll() && aside->left_at.empty())) {
    return FailedPreconditionError("no copy of collection " + name +
                                   " can be cancelled: it is not being copied, or it has no other "
                                   "place to go on from");
  }
  ReplicatedCollection* record = FindRecord(collection.id);
  if (record == nullptr || record->may_hold_until == Timestamp{}) {
    return FailedPreconditionError(
        "the copy of collection " + name +
        " cannot be cancelled: nothing of it was loaded on the target, so it was created anew "
        "there, without its earlier rows");
  }
  // If it is missing there now, its earlier rows are, too.
  record->seen_on_target = true;
  CancelCopy(collection, progress_);
  const Status held = CheckPlaces(collection);
  if (!held.ok()) {
    return FailedPreconditionError("the copy of collection " + name +
                                   " cannot be cancelled: " + held.message());
  }
  TakeUp(collection, parts_.present, *parts_.log, progress_);
  return OkStatus();
}

Status TaskEditor::CopyExpired(const std::string& channel) {
  // Also those that the task covers and has not begun: they would begin at their creation, which
  // has expired as well.
  std::set<CollectionId> followed;
  for (const ReplicatedCollection& known : progress_->collections) {
    followed.insert(known.id);
  }
  for (const Scope::Match& match : parts_.scope->Select(*parts_.catalog)) {
    followed.insert(match.collection->id);
  }
  for (const CollectionId id : followed) {
    const Collection* collection = Find(id);
    const bool uses = collection != nullptr &&
                      std::find(collection->pchannels.begin(), collection->pchannels.end(),
                                channel) != collection->pchannels.end();
    // One that is aside has its own place, and is not read.
    if (!uses || FindAside(id, *progress_) != nullptr) {
      continue;
    }
    const SnapshotProgress* copy = FindCopy(id);
    if (copy != nullptr && IsLogApplied(*copy)) {
      // What it has is not enough without the log: from the beginning, into what is there.
      CDC_RETURN_IF_ERROR(CopyFromTheBeginning(*collection));
    } else if (copy == nullptr) {
      CDC_RETURN_IF_ERROR(Copy(*collection, {}));
    }
  }
  ForgetChannel(channel, progress_);
  return OkStatus();
}

ReplicatedCollection* TaskEditor::FindRecord(CollectionId collection) {
  for (ReplicatedCollection& record : progress_->collections) {
    if (record.id == collection) {
      return &record;
    }
  }
  return nullptr;
}

// nullptr: it is not being copied.
const SnapshotProgress* TaskEditor::FindCopy(CollectionId collection) const {
  const SnapshotProgress* copy = FindAnyCopy(collection);
  return copy == nullptr || copy->done ? nullptr : copy;
}

const SnapshotProgress* TaskEditor::FindAnyCopy(CollectionId collection) const {
  for (const SnapshotProgress& copy : progress_->snapshots) {
    if (copy.collection == collection) {
      return &copy;
    }
  }
  return nullptr;
}

const Collection* TaskEditor::Find(CollectionId id) const {
  const auto collection = parts_.catalog->Find(id);
  return collection == nullptr || collection->state != ObjectState::kCreated ? nullptr
                                                                             : collection.get();
}

CollectionName TaskEditor::NameOf(const Collection& collection) const {
  return {parts_.catalog->DatabaseName(collection.database), collection.name};
}

}  // namespace cdc
