#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "cli/commands.h"

namespace cdc::cli {

struct DrainOptions {
  std::string id;  // or the beginning of one
  std::chrono::milliseconds timeout{600'000};
  std::chrono::milliseconds interval{200};  // between two looks
  // What the target refuses beside the rows, such as a number of replicas, is left so.
  bool accept_waiting = false;
  bool verbose = false;  // says what it waits for also without a terminal
};

// Ends the replication of a task at a time that it names, for a switch-over: the source is no
// longer written to, and after this the target has all of it.
//
// The time T comes from the source: it is at or above every stamp that the source had given when
// the drain began. The drain waits until the source's catalog of that moment is on the target and
// every channel is read and acknowledged up to T, pauses the task, and looks whether the checkpoint
// that is stored now still is at or above T. So whatever the source had acknowledged before the
// drain began is on the target, however the clocks differ.
//
// kRefused: the task does not run, fails, is paused by somebody else, the source gives no ticks, or
// the timeout is over; unless it failed the task goes on. kInterrupted: `stop`; the task goes on.
// A server that cannot be reached at the start is an error; later it is awaited.
ExitCode Drain(const CommandContext& context,
               const DrainOptions& options,
               const std::stop_token& stop);

}  // namespace cdc::cli
