#include "base/thread.h"

#include <utility>

#include <pthread.h>

#include "base/mutex.h"

namespace cdc {

Thread::Thread(std::string name, std::function<void(std::stop_token)> body)
    : thread_([name = std::move(name), body = std::move(body)](std::stop_token stop) {
        // The kernel refuses names of more than 15 characters instead of cutting them.
        pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
        body(std::move(stop));
      }) {}

bool Pause(std::chrono::milliseconds duration, const std::stop_token& stop) {
  Mutex mutex;
  CondVar never;
  MutexLock lock(mutex);
  never.WaitFor(lock, stop, duration, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace cdc
