#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace cdc {

struct CrashScheduleOptions {
  std::chrono::milliseconds grace{300};  // calls of a dead process are executed within this time
  bool forget_doubts = false;
};

struct CrashScheduleResult {
  std::string fault;  // empty: none
  uint64_t crashes = 0;
  uint64_t stops = 0;
  uint64_t saves = 0;
  uint64_t zombies = 0;         // times that calls of a dead process were executed after a restart
  uint64_t inserts_again = 0;   // inserts in doubt
  uint64_t inserts_beyond = 0;  // inserts beyond the doubt

  CrashScheduleResult& operator+=(const CrashScheduleResult& other);
};

// Replicates a simulated source to a simulated target with the real RowRouter, RowWriter,
// AckTracker, SendHorizon and TaskCheckpoints, on one thread, and crashes where `seed` decides:
// between any two steps, even between collecting checkpoints, saving them and learning the outcome.
// In the end the target must hold what the source holds: nothing lost, doubled or resurrected.
// Meanwhile nothing may be sent above the durable horizon, no checkpoint may pass a row that is not
// acknowledged, and inserts may become upserts only in doubt.
CrashScheduleResult RunCrashSchedule(uint64_t seed, const CrashScheduleOptions& options);

}  // namespace cdc
