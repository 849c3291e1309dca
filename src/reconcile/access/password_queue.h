#pragma once

#include <deque>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "model/access.h"
#include "model/password_change.h"
#include "sink/access_sink.h"

namespace cdc {

// Gives users of the target the passwords that the source's users get while the task runs: the only
// time at which they are known. A password that the target refuses is kept, to be tried again,
// until the task stops.
//
// After a crash the queue repeats passwords that were set before. Therefore the last one of a user
// is tried first: a user who has it is left alone, with all roles.
//
// Add and empty are thread-safe; the rest belongs to the reconciler's thread.
class PasswordQueue {
 public:
  struct Parts {
    std::string task_id;
    std::string log_name;  // the task's, where a change is logged
    AccessSink* target;
    std::string own_user;  // whom the task works as: its password is left alone
    // Called before a user is created on the target.
    std::function<Status(const AccessItem& user)> record;
    // Asks the source whether it has the user now.
    std::function<Result<bool>(const AccessItem& user, const std::stop_token& stop)> is_on_source;
    const Clock* clock;
  };

  explicit PasswordQueue(Parts parts) : parts_(std::move(parts)) {}

  // `done` is called once the password is set, is refused, or does not matter.
  void Add(PasswordChange change, std::function<void()> done);
  // Whether `done` has been called for all of them.
  bool empty() const;

  // Begins with what was added since the last call, and returns whether there was any.
  bool Take();
  // Sets what can be set. `source`: what the source has; `target`: the users and roles of the
  // target, kept up to date. A returned error is transient, the first of all users'.
  Status Carry(const AccessSet& source, AccessSet* target, const std::stop_token& stop);
  // Those that the target has refused, with the reason.
  std::vector<std::string> Refused() const;

 private:
  struct Pending {
    PasswordChange change;
    std::function<void()> done;  // nullptr: was called
    Clock::TimePoint added;
    Clock::TimePoint not_before;
    std::string refusal;  // empty: not refused
  };
  enum class Outcome { kOver, kWaits, kRefused };

  Status CarryUser(std::deque<Pending>* queue,
                   const AccessSet& source,
                   AccessSet* target,
                   const std::stop_token& stop);
  Result<Outcome> Await(const Pending& pending, const std::stop_token& stop);
  Result<Outcome> Attempt(Pending* pending, AccessSet* target, const std::stop_token& stop);
  Result<bool> Has(const PasswordChange& change, const std::stop_token& stop);
  Status Set(const PasswordChange& change, AccessSet* target, const std::stop_token& stop);
  Status Create(const PasswordChange& change, AccessSet* target, const std::stop_token& stop);
  bool IsLeftAlone(const std::string& user) const;
  void End(Pending* pending);
  void EndAll(std::deque<Pending>* queue);
  void EndSuperseded(std::deque<Pending>* queue);

  const Parts parts_;
  std::map<std::string, std::deque<Pending>> by_user_;  // in the order of the source
  // What users of the target are known to have, since the task has set it in this run.
  std::map<std::string, std::string> known_;

  mutable Mutex mutex_;
  std::vector<Pending> added_ CDC_GUARDED_BY(mutex_);
  size_t open_ CDC_GUARDED_BY(mutex_) = 0;
};

}  // namespace cdc
