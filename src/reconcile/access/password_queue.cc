#include "reconcile/access/password_queue.h"

#include <chrono>

#include <spdlog/spdlog.h>

namespace cdc {
namespace {

// The queue may be ahead of the catalog. What the catalog does not show after this is gone again.
constexpr std::chrono::seconds kUserWait{10};
// Somebody may have made it right.
constexpr std::chrono::seconds kRefusedWait{60};

// May or may not have to do with the password; after this, it counts as refused.
constexpr std::chrono::minutes kOddWait{5};

bool IsOdd(const Status& status) {
  return status.code() == StatusCode::kUnknown || status.code() == StatusCode::kInternal;
}

// Errors that say nothing of the password, too: it must not be lost because of them.
bool IsTransient(const Status& status) {
  switch (status.code()) {
    case StatusCode::kCancelled:
    case StatusCode::kUnauthenticated:
    case StatusCode::kPermissionDenied: return true;
    default: return IsOdd(status) || IsRetryable(status);
  }
}

}  // namespace

void PasswordQueue::Add(PasswordChange change, std::function<void()> done) {
  MutexLock lock(mutex_);
  added_.push_back({.change = std::move(change),
                    .done = std::move(done),
                    .added = parts_.clock->Now(),
                    .not_before = {},
                    .refusal = {}});
  ++open_;
}

bool PasswordQueue::empty() const {
  MutexLock lock(mutex_);
  return open_ == 0;
}

bool PasswordQueue::Take() {
  std::vector<Pending> added;
  {
    MutexLock lock(mutex_);
    added.swap(added_);
  }
  for (Pending& each : added) {
    const std::string user = each.change.user;
    by_user_[user].push_back(std::move(each));
  }
  return !added.empty();
}

Status PasswordQueue::Carry(const AccessSet& source,
                            AccessSet* target,
                            const std::stop_token& stop) {
  Status failed;
  for (auto user = by_user_.begin(); user != by_user_.end();) {
    const Status carried = CarryUser(&user->second, source, target, stop);
    if (carried.code() == StatusCode::kCancelled) {
      return carried;
    }
    if (!carried.ok() && failed.ok()) {
      failed = carried.WithContext("set the password of user " + user->first);
    }
    user = user->second.empty() ? by_user_.erase(user) : std::next(user);
  }
  return failed;
}

Status PasswordQueue::CarryUser(std::deque<Pending>* queue,
                                const AccessSet& source,
                                AccessSet* target,
                                const std::stop_token& stop) {
  const AccessItem user = AccessItem::User(queue->front().change.user);
  if (IsLeftAlone(user.user)) {
    EndAll(queue);
    return OkStatus();
  }
  if (parts_.clock->Now() < queue->front().not_before && queue->size() == 1) {
    return OkStatus();
  }
  EndSuperseded(queue);
  if (source.contains(user) && target->contains(user)) {
    CDC_ASSIGN_OR_RETURN(const bool has_last, Has(queue->back().change, stop));
    if (has_last) {
      known_[user.user] = queue->back().change.password;
      EndAll(queue);
      return OkStatus();
    }
  }
  while (!queue->empty()) {
    Pending& first = queue->front();
    CDC_ASSIGN_OR_RETURN(const Outcome outcome, source.contains(user)
                                                    ? Attempt(&first, target, stop)
                                                    : Await(first, stop));
    if (outcome == Outcome::kWaits) {
      break;
    }
    End(&first);
    if (outcome == Outcome::kRefused && queue->size() == 1) {
      first.not_before = parts_.clock->Now() + kRefusedWait;
      break;
    }
    queue->pop_front();  // a later one counts
  }
  return OkStatus();
}

std::vector<std::string> PasswordQueue::Refused() const {
  std::vector<std::string> refused;
  for (const auto& [user, queue] : by_user_) {
    if (!queue.front().refusal.empty()) {
      refused.push_back("the password of user " + user + ": " + queue.front().refusal);
    }
  }
  return refused;
}

// The catalog does not show the user. It may be behind.
Result<PasswordQueue::Outcome> PasswordQueue::Await(const Pending& pending,
                                                    const std::stop_token& stop) {
  const std::string& user = pending.change.user;
  if (parts_.clock->Now() < pending.added + kUserWait) {
    return Outcome::kWaits;
  }
  CDC_ASSIGN_OR_RETURN(const bool is_there, parts_.is_on_source(AccessItem::User(user), stop));
  if (is_there) {
    return Outcome::kWaits;
  }
  spdlog::warn("task={} the source has no user {} any more, whose password was set", parts_.task_id,
               user);
  return Outcome::kOver;
}

Result<PasswordQueue::Outcome> PasswordQueue::Attempt(Pending* pending,
                                                      AccessSet* target,
                                                      const std::stop_token& stop) {
  const PasswordChange& change = pending->change;
  const Status set = Set(change, target, stop);
  const bool too_long = parts_.clock->Now() >= pending->added + kOddWait;
  if (IsTransient(set) && !(IsOdd(set) && too_long)) {
    return set;
  }
  if (!set.ok()) {
    if (pending->refusal.empty()) {
      spdlog::warn("task={} the target refuses the password of user {}: {}", parts_.task_id,
                   change.user, set.message());
    }
    pending->refusal = set.message();
    return Outcome::kRefused;
  }
  return Outcome::kOver;
}

// False as well if the target would never take it.
Result<bool> PasswordQueue::Has(const PasswordChange& change, const std::stop_token& stop) {
  Result<bool> same =
      parts_.target->ChangePassword(change.user, change.password, change.password, stop);
  if (!same.ok() && (IsOdd(same.status()) || !IsTransient(same.status()))) {
    return false;
  }
  return same;
}

Status PasswordQueue::Set(const PasswordChange& change,
                          AccessSet* target,
                          const std::stop_token& stop) {
  if (!target->contains(AccessItem::User(change.user))) {
    return Create(change, target, stop);
  }
  std::vector<std::string> old_passwords = {change.old_password.value_or(change.password)};
  const auto known = known_.find(change.user);
  if (!change.old_password.has_value() && known != known_.end()) {
    old_passwords.push_back(known->second);  // another user of this name, whom the source dropped
  }
  for (const std::string& old_password : old_passwords) {
    CDC_ASSIGN_OR_RETURN(const bool changed, parts_.target->ChangePassword(
                                                 change.user, old_password, change.password, stop));
    if (changed) {
      known_[change.user] = change.password;
      spdlog::info("task={} change the password of user {}", parts_.log_name, change.user);
      return OkStatus();
    }
  }
  // Never dropped for it, not even one that the task has made: somebody may have changed the
  // password there, or granted roles.
  return FailedPreconditionError(
      change.old_password.has_value()
          ? "it has another old password there: set the new one there by hand"
          : "the target has a user of this name with another password: set the password there by "
            "hand, or drop the user there");
}

// Recorded before it is made: a removal on the source is then replicated even after a crash.
Status PasswordQueue::Create(const PasswordChange& change,
                             AccessSet* target,
                             const std::stop_token& stop) {
  const AccessItem user = AccessItem::User(change.user);
  CDC_RETURN_IF_ERROR(parts_.record(user));
  CDC_RETURN_IF_ERROR(parts_.target->CreateUser(change.user, change.password, stop));
  target->insert(user);
  known_[change.user] = change.password;
  spdlog::info("task={} add {}", parts_.log_name, user.ToString());
  return OkStatus();
}

bool PasswordQueue::IsLeftAlone(const std::string& user) const {
  return user == kRootUser || user == parts_.own_user;
}

// What comes before the last creation was of another user of this name, who is gone.
void PasswordQueue::EndSuperseded(std::deque<Pending>* queue) {
  size_t last = 0;
  for (size_t i = 0; i < queue->size(); ++i) {
    last = (*queue)[i].change.old_password.has_value() ? last : i;
  }
  for (; last > 0; --last) {
    End(&queue->front());
    queue->pop_front();
  }
}

void PasswordQueue::EndAll(std::deque<Pending>* queue) {
  for (Pending& each : *queue) {
    End(&each);
  }
  queue->clear();
}

void PasswordQueue::End(Pending* pending) {
  if (pending->done == nullptr) {
    return;
  }
  pending->done();
  pending->done = nullptr;
  MutexLock lock(mutex_);
  --open_;
}

}  // namespace cdc
