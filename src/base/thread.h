#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>

namespace cdc {

// A std::jthread with a name of at most 15 characters. Its destructor requests a stop and joins, so
// declare it as the last member of its owner: the others must outlive the thread.
class Thread {
 public:
  Thread() = default;
  Thread(std::string name, std::function<void(std::stop_token)> body);

  Thread(Thread&&) = default;
  Thread& operator=(Thread&&) = default;

  void RequestStop() { thread_.request_stop(); }
  void Join() {
    if (thread_.joinable()) {
      thread_.join();
    }
  }
  bool joinable() const { return thread_.joinable(); }

 private:
  std::jthread thread_;
};

// Waits for `duration` (a back-off) or until a stop is requested; returns false if stopped.
bool Pause(std::chrono::milliseconds duration, const std::stop_token& stop);

}  // namespace cdc
