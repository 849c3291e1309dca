#include "cli/interruption.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/status.h"

namespace cdc::cli {
namespace {

sigset_t Signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) { CDC_CHECK(fd >= 0); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(fd_); }
  int fd() const { return fd_; }

 private:
  const int fd_;
};

// Waits for a signal, and consumes it, or for `stop`. Returns whether it was a signal.
bool AwaitSignal(int signal_fd, const std::stop_token& stop) {
  const Descriptor wake(eventfd(0, EFD_CLOEXEC));
  const std::stop_callback on_stop(stop, [&wake] { eventfd_write(wake.fd(), 1); });
  std::array<pollfd, 2> waits{{{wake.fd(), POLLIN, 0}, {signal_fd, POLLIN, 0}}};
  while (poll(waits.data(), waits.size(), -1) < 0 && errno == EINTR) {
  }
  signalfd_siginfo taken{};
  return (waits[1].revents & POLLIN) != 0 && read(signal_fd, &taken, sizeof(taken)) > 0;
}

}  // namespace

Interruption::Interruption() {
  // Blocked here, so that every later thread inherits it and only the signalfd gets them.
  const sigset_t signals = Signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  thread_ = Thread("cli-signals", [this](const std::stop_token& stop) {
    const sigset_t mine = Signals();
    const Descriptor descriptor(signalfd(-1, &mine, SFD_CLOEXEC));
    if (AwaitSignal(descriptor.fd(), stop)) {
      // A second interruption gets the default action, in this thread.
      pthread_sigmask(SIG_UNBLOCK, &mine, nullptr);
      source_.request_stop();
      AwaitSignal(descriptor.fd(), stop);
    }
  });
}

Interruption::~Interruption() {
  thread_.RequestStop();
  thread_.Join();
  const sigset_t signals = Signals();
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

}  // namespace cdc::cli
