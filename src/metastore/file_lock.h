#pragma once

#include <string>

#include "base/status.h"

namespace cdc {

// Holds `<path>.lock` against every other holder, of this process or another, until destroyed or
// the process ends in whatever way. The file stays; its content is the holder's process id.
class FileLock {
 public:
  FileLock() = default;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

  // kFailedPrecondition: held by somebody, whose process id the message names.
  // kUnavailable: the lock file cannot be made.
  Status Acquire(const std::string& path);

 private:
  int descriptor_ = -1;
};

}  // namespace cdc
