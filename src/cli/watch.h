#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "cli/commands.h"

namespace cdc::cli {

struct WatchOptions {
  std::vector<std::string> ids;  // ids or beginnings of ids; none: all tasks
  std::chrono::milliseconds interval{1000};
  bool verbose = false;
  // Ends as soon as every watched task is at most so far behind.
  std::optional<int64_t> until_caught_up_ms;
};

// Shows the tasks once per interval until `stop`: in place on a terminal, as lines elsewhere, and
// one JSON object per line for Output::kJson.
//
// A server that cannot be reached at the start is an error; later it is awaited. Ends with kOk when
// caught up, when nobody reads the output any more, or at `stop`; but a stop before all is caught
// up, where that was asked, is kInterrupted. kRefused: an id names no task, a watched task was
// deleted, or is paused (reason on stderr) and so cannot catch up.
ExitCode Watch(const CommandContext& context,
               const WatchOptions& options,
               const std::stop_token& stop);

}  // namespace cdc::cli
