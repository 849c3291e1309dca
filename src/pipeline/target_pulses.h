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

// Checks every target in use with one small call every few seconds, however many tasks write to it.
// This shows that a target is dead, frozen, unreachable or replaced even while nothing is written.
// If tasks reach one target in different ways (credentials, address, sink mode), each way has its
// own pulse, because one may work while another does not.
//
// Run belongs to one thread; the rest is thread-safe.
class TargetPulses {
 public:
  // A dead target is reported after at most the sum of both.
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

  // Calls `on_pulse` with every outcome from now on, on Run's thread; it must return at once.
  // Errors are those of TargetFactory::New.
  Status Follow(const void* follower, const TargetOptions& target, OnPulse on_pulse);

  // When this returns, no call of the follower's `on_pulse` is in progress, so it must not be
  // called inside one. Does nothing if there is no such follower.
  void Unfollow(const void* follower);

  void Run(const std::stop_token& stop);

 private:
  using Answer = Result<std::string>;
  struct Pulse {
    uint64_t number = 0;  // differs from that of an earlier pulse of the same target
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
  void Notify(const Work::News& news);
  void StartCall(const Work::Call& call);
  void TakeAnswer(const std::string& key, uint64_t number, const Answer& answer);

  TargetFactory* const targets_;
  const Options options_;

  Mutex mutex_;
  CondVar changed_;
  bool dirty_ CDC_GUARDED_BY(mutex_) = false;
  uint64_t made_ CDC_GUARDED_BY(mutex_) = 0;
  std::map<std::string, Pulse> pulses_ CDC_GUARDED_BY(mutex_);          // by KeyOf(target)
  std::map<const void*, std::string> followed_ CDC_GUARDED_BY(mutex_);  // by follower: its pulse
  const void* notifying_ CDC_GUARDED_BY(mutex_) = nullptr;              // the follower being called
};

}  // namespace cdc
