#include "reconcile/access/password_queue.h"

#include <chrono>

#include <spdlog/spdlog.h>

namespace cdc {
namespace {

// The queue may be ahead of the catalog. What the catalog does not show after this is gone again.
constexpr std::chrono::seconds kUserWait{10};
// Somebody may have made it right.
constexpr std::chrono::seconds kRefusedWait{60};

bool IsTransient(const Status& status) {
  return status.code() == StatusCode::kCancelled || IsRetryable(status);
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
  for (auto user = by_user_.begin(); user != by_user_.end();) {
    std::deque<Pending>& queue = user->second;
    while (!queue.empty()) {
      Pending& first = queue.front();
      if (parts_.clock->Now() < first.not_before && queue.size() == 1) {
        break;
      }
      CDC_ASSIGN_OR_RETURN(const Outcome outcome, Attempt(&first, source, target, stop));
      if (outcome == Outcome::kWaits) {
        break;
      }
      End(&first);
      if (outcome == Outcome::kRefused && queue.size() == 1) {
        first.not_before = parts_.clock->Now() + kRefusedWait;
        break;
      }
      queue.pop_front();  // a later one counts
    }
    user = queue.empty() ? by_user_.erase(user) : std::next(user);
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

Result<PasswordQueue::Outcome> PasswordQueue::Attempt(Pending* pending,
                                                      const AccessSet& source,
                                                      AccessSet* target,
                                                      const std::stop_token& stop) {
  const PasswordChange& change = pending->change;
  const AccessItem user = AccessItem::User(change.user);
  if (change.user == kRootUser || change.user == parts_.own_user) {
    return Outcome::kOver;
  }
  if (!source.contains(user)) {
    const bool gone = parts_.clock->Now() >= pending->added + kUserWait;
    return gone ? Outcome::kOver : Outcome::kWaits;
  }
  const Status set =
      target->contains(user) ? Change(change, target, stop) : Create(change, target, stop);
  if (IsTransient(set)) {
    return set.WithContext("set the password of user " + change.user);
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

// Recorded before it is made: a removal on the source is then replicated even after a crash.
Status PasswordQueue::Create(const PasswordChange& change,
                             AccessSet* target,
                             const std::stop_token& stop) {
  const AccessItem user = AccessItem::User(change.user);
  CDC_RETURN_IF_ERROR(parts_.record(user));
  CDC_RETURN_IF_ERROR(parts_.target->CreateUser(change.user, change.password, stop));
  target->insert(user);
  spdlog::info("task={} add {}", parts_.task_id, user.ToString());
  return OkStatus();
}

// It may have been set before, by this task or by somebody; then it is also the old password.
Status PasswordQueue::Change(const PasswordChange& change,
                             AccessSet* target,
                             const std::stop_token& stop) {
  Status changed;
  if (change.old_password.has_value()) {
    changed =
        parts_.target->ChangePassword(change.user, *change.old_password, change.password, stop);
    if (changed.ok()) {
      spdlog::info("task={} new password of user {}", parts_.task_id, change.user);
    }
    if (changed.ok() || IsTransient(changed)) {
      return changed;
    }
  }
  const Status same =
      parts_.target->ChangePassword(change.user, change.password, change.password, stop);
  if (same.ok() || IsTransient(same)) {
    return same;
  }
  if (change.old_password.has_value()) {
    return changed;
  }
  // Another user of this name, who was dropped on the source meanwhile.
  const AccessItem user = AccessItem::User(change.user);
  CDC_RETURN_IF_ERROR(parts_.target->Apply({.add = false, .item = user}, stop));
  std::erase_if(*target, [&](const AccessItem& item) { return item.user == change.user; });
  return Create(change, target, stop);
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
