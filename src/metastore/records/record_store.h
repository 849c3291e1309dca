#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.h"

namespace cdc {

// What one write changes: first the removals, then the puts.
struct RecordChanges {
  std::vector<std::string> removed{};        // keys; one that does not exist is no error
  std::vector<std::string> removed_below{};  // every key that begins with this
  std::map<std::string, std::string> put{};  // creates or replaces
};

// Keys with values that one process uses alone. Keys are printable ASCII; values any bytes of any
// size. Use it from one thread at a time.
//
// Errors: kUnavailable, kDeadlineExceeded (the server cannot be reached), kFailedPrecondition
// (another process has taken the records over; so will every later call fail), kDataLoss.
class RecordStore {
 public:
  virtual ~RecordStore() = default;

  // All records whose keys begin with `prefix`, as of one moment.
  virtual Result<std::map<std::string, std::string>> Read(const std::string& prefix) = 0;
  virtual Result<std::vector<std::string>> ReadKeys(const std::string& prefix) = 0;

  // Makes all of the changes, durable when it returns, or none. After kUnavailable or
  // kDeadlineExceeded they may be made or not, but not partly, and not later than the next write.
  virtual Status Write(const RecordChanges& changes) = 0;

  // As MetaStore::CheckOwned; from any thread.
  virtual Status CheckOwned() const = 0;

  // Where they are, for messages, without credentials.
  virtual std::string Place() const = 0;
};

}  // namespace cdc
