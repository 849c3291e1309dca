#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/copy_selection.h"
#include "model/given_position.h"
#include "model/ids.h"
#include "model/task.h"
#include "model/task_plan.h"
#include "model/task_status.h"
#include "sink/target.h"

namespace cdc {

// Returns the same text for all spellings of a target's address. Text that is not an address is
// returned unchanged.
std::string AddressKey(const MilvusConnectParam& target);

// A point in the source's history that includes everything it had acknowledged when queried.
struct SourcePresent {
  Timestamp ts;                  // at or above the time of every row acknowledged by then
  int64_t catalog_revision = 0;  // includes every metadata change acknowledged by then
};

// What must be changed in the stored progress of a task before it can go on. Collections are those
// of the source.
struct TaskChanges {
  std::map<CollectionId, std::string> set_aside;     // leave them where they are, with the reason
  std::set<CollectionId> copy_later;                 // of those: a retry copies their stored rows
  std::set<CollectionId> take_up;                    // follow them again
  std::map<CollectionId, CopySelection> copy_again;  // copy stored rows again, into what is there
  std::set<CollectionId> cancel;                     // end their copies; they go on where they were
  std::set<CollectionId> follow_copied;              // their copies are done
  std::set<std::string> expired;  // channels whose positions the queue no longer holds
  // The collections are set aside because of what the target said: is it still the same target?
  bool check_target = false;
  void Add(const TaskChanges& more) {
    set_aside.insert(more.set_aside.begin(), more.set_aside.end());
    copy_later.insert(more.copy_later.begin(), more.copy_later.end());
    take_up.insert(more.take_up.begin(), more.take_up.end());
    copy_again.insert(more.copy_again.begin(), more.copy_again.end());
    cancel.insert(more.cancel.begin(), more.cancel.end());
    follow_copied.insert(more.follow_copied.begin(), more.follow_copied.end());
    expired.insert(more.expired.begin(), more.expired.end());
    check_target = check_target || more.check_target;
  }
  bool empty() const {
    return set_aside.empty() && take_up.empty() && copy_again.empty() && cancel.empty() &&
           follow_copied.empty() && expired.empty();
  }
};

// What a change of a task means for the rows of one collection.
struct ScopeNote {
  enum class What {
    kAdded,
    kRemoved,  // it is no longer covered
    kMoved,    // it is read from another place
  };
  CollectionName collection;  // on the source
  What what = What::kAdded;
  std::string rows;  // for people: which rows the target gets, or keeps
};

// One running task: reads the source from the task's checkpoints and applies it to the target until
// stopped. Thread-safe.
class Replication {
 public:
  virtual ~Replication() = default;

  // Ends reading, waits for the writes in flight (a few seconds at most), and makes the checkpoint
  // durable. Idempotent: concurrent calls, too, return only when all of this is done.
  virtual void Stop() = 0;

  virtual TaskStatus GetStatus() const = 0;

  // Of the status only the condition with its reason, the copies and the collections set aside:
  // quick, however many collections there are.
  virtual TaskStatus GetNews() const = 0;

  // What the task needs changed to go on after it has failed; empty: it cannot.
  virtual TaskChanges Changes() const = 0;
};

// Starts replications. This is the seam between control and data plane. Thread-safe.
class Replicator {
 public:
  virtual ~Replicator() = default;

  // Connects to a target, finds out what it is, and disconnects.
  virtual Result<TargetInfo> CheckTarget(const MilvusConnectParam& target) = 0;

  // Looks for what the task has written on a target that cannot prove to be the task's.
  // kInvalidArgument: none of the task's collections is there, so it must be another one.
  virtual Status CheckHasOwn(const TaskSpec& spec) = 0;

  // Queries the source for its present. kUnavailable, kDeadlineExceeded: it does not answer.
  virtual Result<SourcePresent> Present() = 0;

  // Stores durably where a new task begins (`start_from`). Called once, before the first Start,
  // with the result of CheckTarget. kOutOfRange: `earliest` was requested, but the queue no longer
  // holds all rows. kFailedPrecondition: no delete can name the key field of a collection.
  virtual Status Prepare(const TaskSpec& spec, const TargetInfo& target) = 0;

  // What Prepare would find, all of it and not just the first error, and how what the target has
  // fits. Stores and changes nothing. `target`: the result of CheckTarget; nullptr: it has failed.
  virtual PlanItems Plan(const TaskSpec& spec, const TargetInfo* target) = 0;

  // A collection of the source that the task covers or has begun. kNotFound.
  virtual Result<CollectionId> FindCollection(const TaskSpec& spec, const CollectionName& name) = 0;

  // Makes the changes in what a task that does not run has stored. kNotFound: the source does not
  // have the collection. kFailedPrecondition: it cannot be changed that way; says why.
  virtual Status Change(const TaskSpec& spec, const TaskChanges& changes) = 0;

  // Changes what a task that does not run covers: stores `task` with what that means for its
  // progress, all at once. Collections that `before` did not cover begin as those of a new task.
  // kInvalidArgument: one that is on the target would get another name there. Others: as Prepare.
  virtual Result<std::vector<ScopeNote>> Rescope(const TaskSpec& before,
                                                 const TaskRecord& task,
                                                 const TargetInfo& target) = 0;

  // Has a task that does not run read collections from the places that a user gives. Without
  // `force` nothing is stored, and the error says what it would mean for the rows.
  //
  // kInvalidArgument, kOutOfRange: as Prepare, or a place is not before the end of the task.
  // kFailedPrecondition: `force` is missing, or a collection is being copied or not on the target.
  virtual Result<std::vector<ScopeNote>> Reposition(
      const TaskSpec& spec, const std::map<CollectionName, GivenPositions>& places, bool force) = 0;

  // `on_failed` is called at most once, on another thread, when the task meets an error that
  // retrying cannot cure. The replication then makes no more progress and waits for Stop; Changes
  // says whether it can go on afterwards.
  using OnFailed = std::function<void(const std::string& reason)>;
  virtual Result<std::unique_ptr<Replication>> Start(const TaskSpec& spec, OnFailed on_failed) = 0;
};

}  // namespace cdc
