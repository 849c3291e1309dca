#include "source/storage/stoppable_call.h"

#include <list>

#include "base/mutex.h"
#include "base/thread.h"

namespace cdc {
namespace {

constexpr size_t kMostLeftCalls = 32;

// One call. What its thread touches is shared with it.
struct Call {
  struct End {
    Mutex mutex;
    CondVar reached;
    bool is_reached CDC_GUARDED_BY(mutex) = false;
  };
  std::shared_ptr<End> end = std::make_shared<End>();
  Thread thread;  // nothing may be declared after it: it is joined first

  bool HasEnded() const {
    MutexLock lock(end->mutex);
    return end->is_reached;
  }
};

// The calls that nobody waits for any more. Never destroyed: one of them may outlive main.
class LeftCalls {
 public:
  static LeftCalls& Instance() {
    static auto* const calls = new LeftCalls;
    return *calls;
  }

  void Add(Call call) {
    MutexLock lock(mutex_);
    RemoveEnded();
    calls_.push_back(std::move(call));
  }

  size_t Count() {
    MutexLock lock(mutex_);
    RemoveEnded();
    return calls_.size();
  }

 private:
  void RemoveEnded() CDC_REQUIRES(mutex_) {
    calls_.remove_if([](const Call& call) { return call.HasEnded(); });
  }

  Mutex mutex_;
  std::list<Call> calls_ CDC_GUARDED_BY(mutex_);
};

}  // namespace

CallEnd RunCall(std::function<void()> call, const CallPatience& patience) {
  if (patience.stop.stop_requested()) {
    return CallEnd::kStopped;
  }
  if (!patience.stop.stop_possible() && !patience.limit) {
    call();
    return CallEnd::kEnded;
  }
  // Each is a thread and what it reads; a server that never answers must not gather them.
  if (patience.limit && LeftCalls::Instance().Count() >= kMostLeftCalls) {
    return CallEnd::kTooLate;
  }
  Call running;
  const std::shared_ptr<Call::End> end = running.end;
  running.thread =
      Thread("storage-call", [call = std::move(call), end](const std::stop_token&) mutable {
        call();
        call = nullptr;  // what it owns goes before it is known to have ended
        MutexLock lock(end->mutex);
        end->is_reached = true;
        end->reached.NotifyAll();
      });
  bool ended = false;
  {
    const auto reached = [&end] { return end->is_reached; };
    MutexLock lock(end->mutex);
    ended = patience.limit ? end->reached.WaitFor(lock, patience.stop, *patience.limit, reached)
                           : end->reached.Wait(lock, patience.stop, reached);
  }
  if (ended) {
    return CallEnd::kEnded;
  }
  LeftCalls::Instance().Add(std::move(running));
  return patience.stop.stop_requested() ? CallEnd::kStopped : CallEnd::kTooLate;
}

bool CallsAreLeft() { return LeftCalls::Instance().Count() > 0; }

}  // namespace cdc
