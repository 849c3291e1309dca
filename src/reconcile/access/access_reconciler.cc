#include "reconcile/access/access_reconciler.h"

#include <algorithm>
#include <chrono>

#include <spdlog/spdlog.h>

namespace cdc {
namespace {

using std::chrono::milliseconds;
using Kind = AccessItem::Kind;

constexpr const char* kPart = "users and roles";
// How often the target is looked at, which somebody may have changed.
constexpr milliseconds kIdleWait{60'000};
constexpr milliseconds kMissingWait{3'000};
constexpr size_t kNamed = 5;

// The first few.
std::string Join(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < std::min(kNamed, names.size()); ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  if (names.size() > kNamed) {
    text += " and " + std::to_string(names.size() - kNamed) + " more";
  }
  return text;
}

std::vector<std::string> Texts(const AccessSet& items) {
  std::vector<std::string> texts;
  for (const AccessItem& item : items) {
    texts.push_back(item.ToString());
  }
  return texts;
}

}  // namespace

AccessReconciler::AccessReconciler(Parts parts, AccessSet recorded)
    : parts_(std::move(parts)),
      recorded_(std::move(recorded)),
      passwords_({.task_id = parts_.task_id,
                  .log_name = parts_.log_name,
                  .target = parts_.target,
                  .own_user = parts_.own_user,
                  .record = [this](const AccessItem& user) { return Record({user}); },
                  .is_on_source = [this](const AccessItem& user,
                                         const auto& stop) { return IsOnSource(user, stop); },
                  .clock = parts_.clock}),
      backoff_(parts_.retry) {}

void AccessReconciler::AddPassword(PasswordChange change, std::function<void()> done) {
  passwords_.Add(std::move(change), std::move(done));
}

void AccessReconciler::ForgetTarget() {
  grants_.clear();
  due_ = {};
}

std::optional<Clock::TimePoint> AccessReconciler::due() const {
  return parts_.target == nullptr ? std::nullopt : std::optional(due_);
}

void AccessReconciler::Attempt(const std::shared_ptr<const Access>& source,
                               const std::stop_token& stop) {
  if (parts_.target == nullptr || stop.stop_requested()) {
    return;
  }
  const bool has_new_passwords = passwords_.Take();
  if (source == seen_ && !has_new_passwords && parts_.clock->Now() < due_) {
    return;
  }
  seen_ = source;
  done_ = false;
  if (seen_ == nullptr) {
    // Not the same as having none: nothing may be removed because of it.
    parts_.conditions->SetWaiting(
        kPart, FailedPreconditionError("the source's etcd holds no users and roles"));
    AccessSet none;
    done_ = passwords_.Carry({}, &none, stop).ok();  // they wait for their users, and end
    due_ = parts_.clock->Now() + (passwords_.empty() ? kIdleWait : kMissingWait);
    return;
  }
  const Status status = Reconcile(*seen_, stop);
  if (status.code() == StatusCode::kCancelled) {
    due_ = {};
    return;
  }
  if (!status.ok()) {
    parts_.conditions->Set(kPart, status);
    grants_.clear();
    due_ = parts_.clock->Now() + backoff_.Next();
    return;
  }
  backoff_.Reset();
  done_ = true;
  due_ = parts_.clock->Now() + (waits_ || !passwords_.empty() ? kMissingWait : kIdleWait);
}

Status AccessReconciler::Reconcile(const Access& source, const std::stop_token& stop) {
  const WantedAccess wanted = FindWantedAccess(source, *parts_.scope);
  LogOutside(wanted.outside);
  CDC_ASSIGN_OR_RETURN(AccessSet target, ReadTarget(wanted.items, stop));
  const Status passwords = passwords_.Carry(source.items, &target, stop);
  if (passwords.code() == StatusCode::kCancelled) {
    return passwords;
  }
  const AccessPlan plan = PlanAccess(wanted.items, target, recorded_, parts_.own_user);
  CDC_RETURN_IF_ERROR(Record(plan.record));
  CDC_RETURN_IF_ERROR(Carry(plan, stop));
  ShowRefusals(plan.missing_users, wanted.of_groups);
  return passwords;  // they hold up nothing else
}

// Stored before it is made: a removal on the source is then replicated even after a crash.
Status AccessReconciler::Record(const AccessSet& items) {
  if (!items.empty()) {
    CDC_RETURN_IF_ERROR(parts_.store->PutAccess(parts_.task_id, items));
    recorded_.insert(items.begin(), items.end());
  }
  return OkStatus();
}

Result<bool> AccessReconciler::IsOnSource(const AccessItem& user,
                                          const std::stop_token& stop) const {
  CDC_ASSIGN_OR_RETURN(const std::shared_ptr<const Access> now, parts_.read_source(stop));
  return now != nullptr && now->items.contains(user);
}

// Grants can only be listed by role and database.
Result<AccessSet> AccessReconciler::ReadTarget(const AccessSet& wanted,
                                               const std::stop_token& stop) {
  if (parts_.clock->Now() >= grants_until_) {
    grants_.clear();
    grants_until_ = parts_.clock->Now() + kIdleWait;
  }
  CDC_ASSIGN_OR_RETURN(AccessSet target, parts_.target->ListUsersAndRoles(stop));
  std::erase_if(grants_, [&target](const auto& each) {
    return !target.contains(AccessItem::Role(each.first.first));
  });
  for (const AccessSet* items : {&wanted, static_cast<const AccessSet*>(&recorded_)}) {
    for (const AccessItem& item : *items) {
      const std::pair<std::string, std::string> key{item.role, item.database};
      if (item.kind == Kind::kGrant && target.contains(AccessItem::Role(item.role)) &&
          !grants_.contains(key)) {
        CDC_ASSIGN_OR_RETURN(grants_[key],
                             parts_.target->ListGrants(item.role, item.database, stop));
      }
    }
  }
  for (const auto& [key, grants] : grants_) {
    target.insert(grants.begin(), grants.end());
  }
  return target;
}

// What the target refuses must not keep the rest; a transient error ends the attempt.
Status AccessReconciler::Carry(const AccessPlan& plan, const std::stop_token& stop) {
  refused_.clear();
  AccessSet gone = plan.forget;
  Status failed;
  for (const AccessChange& change : plan.changes) {
    const std::string text = (change.add ? "add " : "remove ") + change.item.ToString();
    const Status applied = stop.stop_requested() ? CancelledError("the task stops")
                                                 : parts_.target->Apply(change, stop);
    if (change.item.kind != Kind::kUser) {
      // Read again, as it is now.
      std::erase_if(grants_,
                    [&](const auto& each) { return each.first.first == change.item.role; });
    }
    if (applied.code() == StatusCode::kCancelled || IsRetryable(applied)) {
      failed = applied.WithContext(text);
      break;
    }
    if (!applied.ok()) {
      refused_.push_back(text + ": " + applied.message());
      continue;
    }
    spdlog::info("task={} {}", parts_.log_name, text);
    if (!change.add) {
      gone.insert(change.item);
    }
  }
  // Forgotten last: after a crash it is found to be gone.
  if (!gone.empty()) {
    CDC_RETURN_IF_ERROR(parts_.store->RemoveAccess(parts_.task_id, gone));
    for (const AccessItem& item : gone) {
      recorded_.erase(item);
    }
  }
  return failed;
}

void AccessReconciler::ShowRefusals(const std::vector<std::string>& missing_users,
                                    const AccessSet& of_groups) {
  std::vector<std::string> reasons;
  if (!missing_users.empty()) {
    reasons.push_back("the target lacks the users " + Join(missing_users) +
                      ", whose passwords cannot be copied: create them there, with any password, "
                      "and their roles follow");
  }
  std::vector<std::string> refused = refused_;
  for (std::string& password : passwords_.Refused()) {
    refused.push_back(std::move(password));
  }
  if (!refused.empty()) {
    reasons.push_back("the target refuses " + Join(refused));
  }
  if (!of_groups.empty()) {
    reasons.push_back("grants of groups of privileges are not replicated: " +
                      Join(Texts(of_groups)));
  }
  waits_ = !missing_users.empty() || !refused_.empty();
  std::string text;
  for (const std::string& reason : reasons) {
    text += (text.empty() ? "" : "; ") + reason;
  }
  parts_.conditions->SetWaiting(kPart, text.empty() ? OkStatus() : FailedPreconditionError(text));
  if (missing_users != missing_) {
    missing_ = missing_users;
    if (!missing_.empty()) {
      spdlog::warn("task={} users: {}", parts_.task_id, reasons.front());
    }
  }
}

void AccessReconciler::LogOutside(const AccessSet& outside) {
  if (outside != outside_) {
    outside_ = outside;
    spdlog::info("task={} grants on what the task does not cover are not replicated, count={}: {}",
                 parts_.task_id, outside_.size(), Join(Texts(outside_)));
  }
}

}  // namespace cdc
