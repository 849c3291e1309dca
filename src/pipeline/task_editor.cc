#include "pipeline/task_editor.h"

#include <algorithm>
#include <set>
#include <utility>

#include "pipeline/task_changes.h"

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
    begun_.clear();
  }
  return status;
}

Status TaskEditor::ApplyTo(const TaskChanges& changes) {
  for (const CollectionId id : changes.follow_copied) {
    if (const Collection* collection = Find(id)) {
      FollowCopied(*collection, parts_.present, progress_);
    }
  }
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
  for (const CollectionId id : changes.copy_again) {
    if (const Collection* collection = Find(id)) {
      CDC_RETURN_IF_ERROR(Copy(*collection));
    }
  }
  for (const auto& [id, reason] : changes.set_aside) {
    if (const Collection* collection = Find(id)) {
      SetAside(*collection, NameOf(*collection), reason, parts_.now_unix_ms, progress_);
    }
  }
  return OkStatus();
}

// From where it was left, if the queue still holds that place.
Status TaskEditor::TakeUpOrCopy(const Collection& collection) {
  const AsideCollection* aside = FindAside(collection.id, *progress_);
  if (aside == nullptr || aside->reason.empty()) {
    return FailedPreconditionError("collection " + NameOf(collection).ToString() +
                                   " is not set aside");
  }
  const Status held = CheckPlaces(collection, *aside);
  if (held.code() == StatusCode::kOutOfRange) {
    return parts_.can_copy ? Copy(collection)
                           : FailedPreconditionError(
                                 "collection " + NameOf(collection).ToString() +
                                 " cannot go on from where it was set aside: " + held.message() +
                                 "; set " + parts_.copy_setting +
                                 " in the configuration, so that its stored rows can be copied");
  }
  CDC_RETURN_IF_ERROR(held);
  TakeUp(collection, parts_.present, progress_);
  return OkStatus();
}

// kOutOfRange: the queue no longer holds the places from where the collection would go on.
Status TaskEditor::CheckPlaces(const Collection& collection, const AsideCollection& aside) const {
  const SnapshotProgress* copy = FindCopy(collection.id);
  for (size_t shard = 0; shard < collection.vchannels.size(); ++shard) {
    const std::string& channel = collection.pchannels[shard];
    MsgId position;
    if (copy != nullptr) {
      const auto takeover = copy->takeover.find(collection.vchannels[shard]);
      position = takeover == copy->takeover.end() ? MsgId{} : takeover->second.position;
    } else if (const auto left = aside.left_at.find(channel); left != aside.left_at.end()) {
      position = left->second.position;
    } else if (const auto begin = collection.start_positions.find(channel);
               begin != collection.start_positions.end()) {
      position = begin->second;
    }
    if (!position.empty()) {
      CDC_RETURN_IF_ERROR(parts_.log->CheckPosition(channel, {.id = position}));
    }
  }
  return OkStatus();
}

Status TaskEditor::Copy(const Collection& collection) {
  const CollectionName name = NameOf(collection);
  if (!parts_.can_copy) {
    return FailedPreconditionError(
        "the stored rows of collection " + name.ToString() +
        " cannot be copied: the server does not know where to read them; set " +
        parts_.copy_setting + " in its configuration");
  }
  const AsideCollection* aside = FindAside(collection.id, *progress_);
  if (FindCopy(collection.id) != nullptr && (aside == nullptr || aside->reason.empty())) {
    return FailedPreconditionError("collection " + name.ToString() + " is being copied already");
  }
  if (ReplicatedCollection* known = FindRecord(collection.id)) {
    // The target may hold any of its rows. If it has been removed there, it is created again.
    known->may_hold_until = parts_.present;
    known->seen_on_target = false;
    begun_.push_back(*known);
  } else {
    begun_.push_back({.id = collection.id,
                      .source = name,
                      .target = parts_.scope->Target(name),
                      .pchannels = collection.pchannels,
                      .created = collection.created,
                      .skip_until = {},
                      // The target's collection, if there is one, may hold any of its rows.
                      .may_hold_until = parts_.present});
  }
  SetAside(collection, name, "", parts_.now_unix_ms, progress_);
  CopyAgain(collection.id, progress_);
  return OkStatus();
}

Status TaskEditor::Cancel(const Collection& collection) {
  const AsideCollection* aside = FindAside(collection.id, *progress_);
  if (FindCopy(collection.id) == nullptr || aside == nullptr) {
    return FailedPreconditionError("no copy of collection " + NameOf(collection).ToString() +
                                   " can be cancelled: it is not being copied, or it has no other "
                                   "place to go on from");
  }
  const ReplicatedCollection* record = FindRecord(collection.id);
  if (record != nullptr && record->may_hold_until == Timestamp{} && !aside->left_at.empty()) {
    return FailedPreconditionError(
        "the copy of collection " + NameOf(collection).ToString() +
        " cannot be cancelled: nothing of it was loaded on the target, so it was created anew "
        "there, without its earlier rows");
  }
  CancelCopy(collection, parts_.present, progress_);
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
    if (uses && FindAside(id, *progress_) == nullptr && FindCopy(id) == nullptr) {
      CDC_RETURN_IF_ERROR(Copy(*collection));
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
  for (const SnapshotProgress& copy : progress_->snapshots) {
    if (copy.collection == collection && !copy.done) {
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
