#pragma once

#include <filesystem>
#include <random>
#include <string>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/status.h"

namespace cdc {

// A port of 127.0.0.1 on which nobody listens, for a server of a test; the same one never twice. It
// stays this process' until its end: a lock file, which tests/lab/ports.py knows, too, keeps other
// test programs from it, and it lies below the range from which the kernel picks ports for
// connections.
inline int FreePort() {
  constexpr int kLowest = 21000;
  constexpr int kHighest = 31999;
  constexpr int kAttempts = 1000;
  const auto can_bind = [](int port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_ANY);
    address.sin_port = htons(static_cast<uint16_t>(port));
    const bool bound =
        fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    close(fd);
    return bound;
  };
  const auto folder = std::filesystem::temp_directory_path() / "milvus-cdc-ports";
  std::filesystem::create_directory(folder);
  std::random_device random;
  std::uniform_int_distribution<int> ports(kLowest, kHighest);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const int port = ports(random);
    const int lock =
        open((folder / std::to_string(port)).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    CDC_CHECK(lock >= 0);
    // The kernel lets go of the lock when this process ends; a second file of ours cannot have it.
    if (flock(lock, LOCK_EX | LOCK_NB) == 0 && can_bind(port)) {
      return port;
    }
    close(lock);
  }
  CDC_CHECK(false);
  return 0;
}

}  // namespace cdc
