#include "metastore/sqlite/file_lock.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace cdc {
namespace {

constexpr int kAttempts = 10;
constexpr std::chrono::milliseconds kBetweenAttempts{20};

std::string ReadHolder(int descriptor) {
  std::array<char, 32> text{};
  const ssize_t size = pread(descriptor, text.data(), text.size(), 0);
  std::string holder(text.data(), size > 0 ? static_cast<size_t>(size) : 0);
  while (!holder.empty() && holder.back() == '\n') {
    holder.pop_back();
  }
  return holder.empty() ? "unknown" : holder;
}

}  // namespace

FileLock::~FileLock() {
  if (descriptor_ >= 0) {
    close(descriptor_);  // releases the lock
  }
}

std::string FileLock::HolderOf(const std::string& path) {
  const int descriptor = open((path + ".lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    return {};
  }
  // Shared, and given back at once: flock cannot ask without taking. A server that starts in this
  // moment waits for it.
  const bool held = flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  std::string holder = held ? "process " + ReadHolder(descriptor) : "";
  close(descriptor);
  return holder;
}

// flock rather than fcntl: it also refuses a second opener in this process, and closing another
// descriptor of the file does not release it.
Status FileLock::Acquire(const std::string& path) {
  const std::string file = path + ".lock";
  descriptor_ = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor_ < 0) {
    return UnavailableError("cannot open the lock file " + file + ": " + std::strerror(errno));
  }
  // Somebody may just be asking who holds it.
  bool taken = false;
  for (int attempt = 0; attempt < kAttempts && !taken; ++attempt) {
    if (attempt > 0) {
      std::this_thread::sleep_for(kBetweenAttempts);
    }
    taken = flock(descriptor_, LOCK_EX | LOCK_NB) == 0;
  }
  if (!taken) {
    const int error = errno;
    if (error == EWOULDBLOCK) {
      return FailedPreconditionError("metastore file " + path +
                                     " is in use by another server, process " +
                                     ReadHolder(descriptor_));
    }
    return UnavailableError("cannot lock " + file + ": " + std::strerror(error));
  }
  // The id is only for the message above; without it the lock holds all the same.
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(descriptor_, 0) == 0) {
    static_cast<void>(!pwrite(descriptor_, pid.data(), pid.size(), 0));
  }
  return OkStatus();
}

}  // namespace cdc
