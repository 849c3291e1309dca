#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace cdc {

struct CrashScheduleOptions {
  std::chrono::milliseconds grace{300};  // what the dead leave is executed within this time
  bool forget_doubts = false;
};

struct CrashScheduleResult {
  std::string fault;  // empty: none
  uint64_t crashes = 0;
  uint64_t stops = 0;
  uint64_t saves = 0;
  uint64_t zombies = 0;         // calls of the dead that were executed after a restart
  uint64_t inserts_again = 0;   // rows in doubt, written as upserts
  uint64_t inserts_beyond = 0;  // inserts beyond the doubt, written as such

  CrashScheduleResult& operator+=(const CrashScheduleResult& other);
};

// Replicates a simulated source to a simulated target by the real RowRouter, RowWriter, AckTracker,
// SendHorizon and TaskCheckpoints, in one thread, and crashes at places that `seed` decides:
// between any two steps, also between what is collected, saved, and known to be saved. In the end
// the target must hold what the source holds: nothing lost, doubled or resurrected. On the way
// nothing may be sent above the durable horizon, no checkpoint may pass a row that is not
// acknowledged, and inserts become upserts only in doubt.
CrashScheduleResult RunCrashSchedule(uint64_t seed, const CrashScheduleOptions& options);

}  // namespace cdc
