#include "pipeline/target_pulses.h"

#include <algorithm>
#include <utility>

namespace cdc {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kIdleWait{60'000};  // long, because new work wakes the thread

// Each part is preceded by its length, so that different options cannot give the same key.
std::string KeyOf(const TargetOptions& target) {
  std::string key(SinkModeName(target.mode));
  for (const std::string* each :
       {&target.uri, &target.token, &target.tls.server_name, &target.tls.authority_path,
        &target.tls.certificate_path, &target.tls.key_path}) {
    key += ' ' + std::to_string(each->size()) + ':' + *each;
  }
  return key;
}

}  // namespace

// Destroys the targets after the lock is released: a target waits for its callbacks, which take the
// lock.
TargetPulses::~TargetPulses() {
  std::map<std::string, Pulse> pulses;
  MutexLock lock(mutex_);
  pulses.swap(pulses_);
}

Status TargetPulses::Follow(const void* follower, const TargetOptions& target, OnPulse on_pulse) {
  const std::string key = KeyOf(target);
  const auto listener = std::make_shared<OnPulse>(std::move(on_pulse));
  if (Join(key, follower, listener, nullptr)) {
    return OkStatus();  // the usual case: another task uses the target, so none has to be made
  }
  // Made without the lock, since that reads certificates from files.
  CDC_ASSIGN_OR_RETURN(std::unique_ptr<Target> made, targets_->New(target));
  Join(key, follower, listener, std::move(made));
  return OkStatus();
}

// `fresh` is used if nobody follows the target yet. If another thread was quicker, the caller
// destroys it, after the lock is released.
bool TargetPulses::Join(const std::string& key,
                        const void* follower,
                        const std::shared_ptr<OnPulse>& on_pulse,
                        const std::shared_ptr<Target>& fresh) {
  MutexLock lock(mutex_);
  auto pulse = pulses_.find(key);
  if (pulse == pulses_.end()) {
    if (fresh == nullptr) {
      return false;
    }
    pulse = pulses_.try_emplace(key).first;
    pulse->second.number = ++made_;
    pulse->second.target = fresh;
    dirty_ = true;
    changed_.NotifyAll();
  }
  pulse->second.followers[follower] = on_pulse;
  followed_[follower] = key;
  return true;
}

void TargetPulses::Unfollow(const void* follower) {
  // Declared before the lock, so that the target is destroyed after it is released: a target waits
  // for its callbacks, which take the lock.
  std::shared_ptr<Target> unused;
  MutexLock lock(mutex_);
  const auto found = followed_.find(follower);
  if (found == followed_.end()) {
    return;
  }
  const auto pulse = pulses_.find(found->second);
  pulse->second.followers.erase(follower);
  if (pulse->second.followers.empty()) {
    unused = std::move(pulse->second.target);
    pulses_.erase(pulse);
  }
  followed_.erase(found);
  changed_.Wait(lock, std::stop_token(), [&] { return notifying_ != follower; });
}

void TargetPulses::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    Work work;
    {
      MutexLock lock(mutex_);
      changed_.WaitFor(lock, stop, NextWaitLocked(), [this] { return dirty_; });
      if (stop.stop_requested()) {
        return;
      }
      dirty_ = false;
      PlanLocked(&work);
    }
    for (const Work::News& news : work.news) {
      Notify(news);
    }
    for (const Work::Call& call : work.calls) {
      StartCall(call);
    }
  }
}

void TargetPulses::PlanLocked(Work* work) {
  const auto now = options_.clock->Now();
  for (auto& [key, pulse] : pulses_) {
    if (pulse.answer.has_value()) {
      for (const auto& [follower, on_pulse] : pulse.followers) {
        work->news.push_back({follower, on_pulse, *pulse.answer});
      }
      pulse.answer.reset();
      pulse.asked = false;
    }
    // One call at a time for each target: a frozen one must not collect calls.
    if (!pulse.asked && now >= pulse.due) {
      pulse.asked = true;
      pulse.due = now + options_.interval;
      work->calls.push_back({key, pulse.number, pulse.target});
    }
  }
}

milliseconds TargetPulses::NextWaitLocked() const {
  auto due = options_.clock->Now() + kIdleWait;
  for (const auto& [key, pulse] : pulses_) {
    if (!pulse.asked) {  // if it was asked, its answer wakes the thread
      due = std::min(due, pulse.due);
    }
  }
  return std::clamp(std::chrono::ceil<milliseconds>(due - options_.clock->Now()), milliseconds(0),
                    kIdleWait);
}

void TargetPulses::Notify(const Work::News& news) {
  {
    MutexLock lock(mutex_);
    const auto found = followed_.find(news.follower);
    // It may have left since the round was planned, and a new follower may have the same address
    // in memory.
    if (found == followed_.end() ||
        pulses_.at(found->second).followers.at(news.follower) != news.on_pulse) {
      return;
    }
    notifying_ = news.follower;
  }
  (*news.on_pulse)(news.answer);
  MutexLock lock(mutex_);
  notifying_ = nullptr;
  changed_.NotifyAll();
}

void TargetPulses::StartCall(const Work::Call& call) {
  call.target->AskPulse(options_.timeout,
                        [this, key = call.key, number = call.number](const Answer& answer) {
                          TakeAnswer(key, number, answer);
                        });
}

void TargetPulses::TakeAnswer(const std::string& key, uint64_t number, const Answer& answer) {
  MutexLock lock(mutex_);
  const auto found = pulses_.find(key);
  if (found == pulses_.end() || found->second.number != number) {
    return;  // its followers have left
  }
  found->second.answer = answer;
  dirty_ = true;
  changed_.NotifyAll();
}

}  // namespace cdc
