#include "server/open_files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <spdlog/spdlog.h>
#include <sys/resource.h>

namespace cdc {
namespace {

// Enough. Far more would only slow down code that goes through all possible descriptors.
constexpr rlim_t kWanted = 65536;
constexpr size_t kMinConnections = 16;
constexpr size_t kMaxConnections = 512;

}  // namespace

size_t RaiseOpenFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    spdlog::warn("the limit of open files is not known, error={}", std::strerror(errno));
    return 1024;
  }
  const rlim_t wanted = std::min(kWanted, limit.rlim_max);
  if (limit.rlim_cur < wanted) {
    const rlimit raised{.rlim_cur = wanted, .rlim_max = limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) {
      return wanted;
    }
    spdlog::warn("the limit of open files cannot be raised, limit={} error={}", limit.rlim_cur,
                 std::strerror(errno));
  }
  return limit.rlim_cur;
}

size_t ConnectionsFor(size_t open_files) {
  return std::clamp(open_files / 4, kMinConnections, kMaxConnections);
}

}  // namespace cdc
