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

// Ends the replication of a task at a known time, for a switch-over: the source is no longer
// written to, and afterwards the target has all of its data.
//
// The time T comes from the source: it is at or above every timestamp the source had issued when
// the drain began. The drain waits until the source's catalog of that moment is on the target and
// every channel is read and acknowledged up to T, pauses the task, and verifies that the stored
// checkpoint is still at or above T. So everything the source had acknowledged before the drain is
// on the target, however the clocks differ.
//
// kRefused: the task is not running, fails, or is paused by somebody else; the source gives no
// ticks; or the timeout has passed. Unless it failed, the task keeps running. kInterrupted:
// stopped; the task keeps running. An unreachable server is an error at the start; later the drain
// waits for it.
ExitCode Drain(const CommandContext& context,
               const DrainOptions& options,
               const std::stop_token& stop);

}  // namespace cdc::cli
