#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "cli/commands.h"

namespace cdc::cli {

struct EventsOptions {
  std::string id;  // or a unique beginning of one
  bool follow = false;
  std::chrono::milliseconds interval{1'000};  // between two requests
};

// Prints what happened to a task, a line for each event (with Output::kJson or kYaml an object),
// and with `follow` goes on until `stop`. A server that goes away is awaited; one that was
// restarted counts its events anew, and all of them are printed.
ExitCode ShowEvents(const CommandContext& context,
                    const EventsOptions& options,
                    const std::stop_token& stop);

}  // namespace cdc::cli
