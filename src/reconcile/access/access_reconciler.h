#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/status.h"
#include "metastore/meta_store.h"
#include "model/access.h"
#include "model/password_change.h"
#include "progress/condition_board.h"
#include "reconcile/access/password_queue.h"
#include "reconcile/access/plan_access.h"
#include "scope/scope.h"
#include "sink/access_sink.h"

namespace cdc {

// Makes the users and roles of the target follow the source's. Level-triggered: it compares both
// sides, so nothing depends on having seen a change. Only what the task has recorded is removed.
//
// Passwords cannot be copied. A user whose password does not come by AddPassword must be created on
// the target by somebody else; until then a condition names the user, whose roles follow as soon as
// it is there.
//
// Belongs to the reconciler's thread, but for AddPassword and has_all_passwords.
class AccessReconciler {
 public:
  struct Parts {
    std::string task_id;
    std::string log_name;  // the task's, where a change is logged
    AccessSink* target;    // nullptr: the task does not replicate users and roles
    MetaStore* store;
    // What the source has now; nullptr: it holds nothing of the kind.
    std::function<Result<std::shared_ptr<const Access>>(const std::stop_token& stop)> read_source;
    const Scope* scope;
    ConditionBoard* conditions;
    std::string own_user;  // see PlanAccess
    BackoffOptions retry;
    const Clock* clock;
  };

  // All parts must outlive this. `recorded`: as stored.
  AccessReconciler(Parts parts, AccessSet recorded);

  // Does what is due: a change of the source, a retry, or a look at the target, which may have got
  // a user or lost a role. The target must be known to be the task's.
  // `source`: nullptr if unknown, which removes nothing.
  void Attempt(const std::shared_ptr<const Access>& source, const std::stop_token& stop);

  // Thread-safe. A user of the source has got this password. `done` is called once the target's has
  // it, too, or does not get it.
  void AddPassword(PasswordChange change, std::function<void()> done);
  // Thread-safe. Whether all of them are done.
  bool has_all_passwords() const { return passwords_.empty(); }

  // The target may have changed.
  void ForgetTarget();

  // When Attempt has something to do even without a change of the source. nullopt: never.
  std::optional<Clock::TimePoint> due() const;

  // Whether the target has all of the source's access as of the last Attempt, but for what was
  // refused, which a condition shows.
  bool IsDone() const { return parts_.target == nullptr || done_; }

 private:
  Status Reconcile(const Access& source, const std::stop_token& stop);
  Status Record(const AccessSet& items);
  Result<bool> IsOnSource(const AccessItem& user, const std::stop_token& stop) const;
  Result<AccessSet> ReadTarget(const AccessSet& wanted, const std::stop_token& stop);
  Status Carry(const AccessPlan& plan, const std::stop_token& stop);
  void ShowRefusals(const std::vector<std::string>& missing_users, const AccessSet& of_groups);
  void LogOutside(const AccessSet& outside);

  const Parts parts_;
  AccessSet recorded_;
  PasswordQueue passwords_;
  std::shared_ptr<const Access> seen_;  // of the last Attempt
  bool done_ = false;
  Clock::TimePoint due_;
  Backoff backoff_;
  // By role and database, until the time.
  std::map<std::pair<std::string, std::string>, AccessSet> grants_;
  Clock::TimePoint grants_until_;
  std::vector<std::string> refused_;  // by the target, in the last Attempt
  std::vector<std::string> missing_;  // as logged
  AccessSet outside_;                 // as logged
  bool waits_ = false;                // for somebody to change the target
};

}  // namespace cdc
