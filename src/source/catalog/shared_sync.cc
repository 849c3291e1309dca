#include "source/catalog/shared_sync.h"

namespace cdc {

SharedSync::Answer SharedSync::Call(const std::stop_token& stop, const Ask& ask) {
  uint64_t mine = 0;
  {
    MutexLock lock(mutex_);
    // A query already in progress may miss what was committed before this call: wait for the next.
    const uint64_t wanted = begun_ + 1;
    if (!changed_.Wait(lock, stop, [&] { return answered_ >= wanted || !asking_; })) {
      return CancelledError("stopped");
    }
    if (answered_ >= wanted) {
      return answer_;
    }
    asking_ = true;
    mine = ++begun_;
  }
  Answer answer = ask(stop);
  MutexLock lock(mutex_);
  asking_ = false;
  // The caller that was asking has stopped; another one asks again.
  if (answer.status().code() != StatusCode::kCancelled) {
    answered_ = mine;
    answer_ = answer;
  }
  changed_.NotifyAll();
  return answer;
}

}  // namespace cdc
