#pragma once

#include <cstddef>
#include <functional>

#include "base/status.h"
#include "model/rows.h"

namespace cdc {

// The outcome of a write.
struct WriteResult {
  Status status;
  // The call failed but may have been executed: a deadline, a lost connection. Its rows must be
  // written again in a way that does not double them.
  bool in_doubt = false;
};

// Limits of one delete. Its keys are sent as the text of an expression, which a server parses in
// about 7 us per key, and become one message in its queue (at most 5 MiB, 8 more bytes per key).
inline constexpr size_t kMaxDeleteKeys = 16'384;
inline constexpr size_t kMaxDeleteBytes = 2 << 20;  // of the key columns' bodies

// Writes rows to one target. Thread-safe. Never retries: only the caller knows what a repeat means.
//
// kUnavailable, kDeadlineExceeded, kResourceExhausted, kAborted: try again later (not ready, rate
// limit, no leader, connection lost). kNotFound: the database, collection or partition does not
// exist. kFailedPrecondition, kInvalidArgument, kUnimplemented: refused, and a repeat would be,
// too; the message holds the target's own words. kUnauthenticated, kPermissionDenied: the
// credentials are wrong.
class RowSink {
 public:
  virtual ~RowSink() = default;

  // Starts a write and returns at once. `done` is called exactly once, on this thread or another
  // one, and must return at once.
  using WriteDone = std::function<void(const WriteResult&)>;
  virtual void Write(const RowBatch& batch, WriteDone done) = 0;

  // Makes the writes in progress end with kCancelled, in doubt if they were sent. Returns at once.
  virtual void CancelWrites() = 0;
};

}  // namespace cdc
