#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "sink/target.h"

namespace cdc {

// Feels the pulse of every target in use: one small call every few seconds, however many tasks
// write to it. So a target that is dead, frozen, out of reach or another one is noticed also while
// nothing is written. Tasks that reach one target in different ways (credentials, address, sink
// mode) have a pulse each: what holds for one way may not hold for the other.
//
// Run belongs to one thread; the rest is thread-safe.
class TargetPulses {
 public:
  // From a death to its news: at most the sum of both.
  struct Options {
    std::chrono::milliseconds interval{3'000};
    std::chrono::milliseconds timeout{4'000};
    const Clock* clock = &Clock::Real();
  };
  // The outcome of one call; see Target::AskPulse.
  using OnPulse = std::function<void(const Result<std::string>& identity)>;

  // `targets` must outlive this.
  TargetPulses(TargetFactory* targets, Options options) : targets_(targets), options_(options) {}
  ~TargetPulses();
  TargetPulses(const TargetPulses&) = delete;
  TargetPulses& operator=(const TargetPulses&) = delete;

  // From now on `on_pulse` hears of every call, from Run's thread; it must return at once. An error
  // is that of TargetFactory::New.
  Status Follow(const void* follower, const TargetOptions& target, OnPulse on_pulse);

  // Returns when no call of its `on_pulse` is in progress any more, so not from within one. Nothing
  // happens if it does not follow.
  void Unfollow(const void* follower);

  void Run(const std::stop_token& stop);

 private:
  using Answer = Result<std::string>;
  struct Pulse {
    uint64_t number = 0;  // tells it from an older one of the same target
    std::shared_ptr<Target> target;
    std::map<const void*, std::shared_ptr<OnPulse>> followers;
    bool asked = false;
    std::optional<Answer> answer;
    Clock::TimePoint due;
  };
  // What one round does without the lock.
  struct Work {
    struct Call {
      std::string key;
      uint64_t number;
      std::shared_ptr<Target> target;
    };
    struct News {
      const void* follower;
      std::shared_ptr<OnPulse> on_pulse;
      Answer answer;
    };
    std::vector<Call> calls;
    std::vector<News> news;
  };

  bool Join(const std::string& key,
            const void* follower,
            const std::shared_ptr<OnPulse>& on_pulse,
            const std::shared_ptr<Target>& fresh);
  void PlanLocked(Work* work) CDC_REQUIRES(mutex_);
  std::chrono::milliseconds NextWaitLocked() const CDC_REQUIRES(mutex_);
  void Tell(const Work::News& news);
  void Ask(const Work::Call& call);
  void Take(const std::string& key, uint64_t number, const Answer& answer);

  TargetFactory* const targets_;
  const Options options_;

  Mutex mutex_;
  CondVar changed_;
  bool dirty_ CDC_GUARDED_BY(mutex_) = false;
  uint64_t made_ CDC_GUARDED_BY(mutex_) = 0;
  std::map<std::string, Pulse> pulses_ CDC_GUARDED_BY(mutex_);          // by way to a target
  std::map<const void*, std::string> followed_ CDC_GUARDED_BY(mutex_);  // its key in pulses_
  const void* telling_ CDC_GUARDED_BY(mutex_) = nullptr;                // a follower
};

}  // namespace cdc
