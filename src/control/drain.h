#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/replication.h"

namespace cdc {

// A drain ends a task at a known time, for a switch-over: the source is no longer written to, and
// afterwards the target has all of its data.
//
// The time comes from the source: it is at or above every timestamp the source had issued when the
// drain began. The drain waits until the source's catalog of that moment is on the target and every
// channel is read and acknowledged up to the time, pauses the task, and verifies that the stored
// checkpoints are still at or above it. So everything the source had acknowledged before the drain
// is on the target, however the clocks differ.

struct DrainOptions {
  std::chrono::milliseconds timeout{600'000};
  // Whether to accept what the target refuses apart from the rows, such as a number of replicas.
  bool accept_waiting = false;
};

enum class DrainPhase {
  kWaiting,    // for what is `missing`
  kPausing,    // nothing is missing; it can no longer be cancelled
  kDone,       // everything is on the target, and the task was paused
  kFailed,     // `reason` says why
  kTimedOut,   // the task was left running
  kCancelled,  // likewise
};

// "waiting", "pausing", "done", "failed", "timed_out", "cancelled".
constexpr const char* DrainPhaseName(DrainPhase phase) {
  switch (phase) {
    case DrainPhase::kWaiting: return "waiting";
    case DrainPhase::kPausing: return "pausing";
    case DrainPhase::kDone: return "done";
    case DrainPhase::kFailed: return "failed";
    case DrainPhase::kTimedOut: return "timed_out";
    case DrainPhase::kCancelled: return "cancelled";
  }
  return "";
}

struct DrainStatus {
  DrainPhase phase = DrainPhase::kWaiting;
  SourcePresent goal;  // where the source was when it began
  int64_t since_unix_ms = 0;
  int64_t ended_unix_ms = 0;         // 0: it has not
  std::vector<std::string> missing;  // as sentences, most important first; when it looked last
  std::string reason;                // why it failed
  // What was there when nothing was missing any more.
  std::string left;   // what is left as it is, because it was accepted; empty: nothing
  bool idle = false;  // that is because the task covered nothing: there was nothing to drain
  size_t channels = 0;
  uint64_t rows_written = 0;  // since the server was started, when the task was paused
  uint64_t rows_above = 0;    // at least so many came above the goal: somebody still writes
};

}  // namespace cdc
