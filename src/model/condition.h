#pragma once

namespace cdc {

// Whether a task moves. When several things are in its way, the one furthest down this list is
// shown: what keeps rows from moving comes before what only waits for a change on one side.
enum class Condition {
  kOk,
  kWaiting,   // something only a change on one of the sides can mend, or there is nothing to do
  kRetrying,  // something passing, which is tried again
  kPaused,
  kFailed,  // final
};

// "ok", "waiting", "retrying", "paused", "failed".
constexpr const char* ConditionName(Condition condition) {
  switch (condition) {
    case Condition::kOk: return "ok";
    case Condition::kWaiting: return "waiting";
    case Condition::kRetrying: return "retrying";
    case Condition::kPaused: return "paused";
    case Condition::kFailed: return "failed";
  }
  return "";
}

}  // namespace cdc
