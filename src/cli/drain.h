#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "cli/commands.h"

namespace cdc::cli {

struct DrainOptions {
  std::string id;  // or a unique beginning of one
  std::chrono::milliseconds timeout{600'000};
  std::chrono::milliseconds interval{200};  // between two status requests
  // Whether to accept what the target refuses apart from the rows, such as a number of replicas.
  bool accept_waiting = false;
  bool verbose = false;  // reports progress even without a terminal
};

// Has the server end the replication of a task at a known time, for a switch-over, and waits for it
// (control/drain.h says what a drain is).
//
// kRefused: the task is not running, fails, or is paused by somebody else; the source gives no
// ticks; or the timeout has passed. Unless it failed, the task keeps running. kInterrupted:
// stopped; the drain is cancelled, and the task keeps running. An unreachable server is an error at
// the start; later the drain waits for it, and asks again if it was restarted.
ExitCode Drain(const CommandContext& context,
               const DrainOptions& options,
               const std::stop_token& stop);

}  // namespace cdc::cli
