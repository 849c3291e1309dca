#pragma once

#include <string>

#include "base/status.h"

namespace cdc {

// Holds `<path>.lock` exclusively, within this process and against others, until destroyed or until
// the process ends in any way. The file stays; it contains the holder's process id.
class FileLock {
 public:
  FileLock() = default;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

  // kFailedPrecondition: already held; the message has the holder's process id. kUnavailable: the
  // lock file cannot be created.
  Status Acquire(const std::string& path);

  // The process that holds the lock of `path` now, "process <id>"; empty: none does. Creates
  // nothing.
  static std::string HolderOf(const std::string& path);

 private:
  int descriptor_ = -1;
};

}  // namespace cdc
