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
  std::vector<std::string> ids;  // ids or unique beginnings; none: all tasks
  std::chrono::milliseconds interval{1000};
  bool verbose = false;
  // Ends as soon as every watched task is at most this far behind.
  std::optional<int64_t> until_caught_up_ms;
};

// Shows the tasks once per interval until `stop`: in place on a terminal, otherwise as lines, or as
// one JSON object per line for Output::kJson or kYaml.
//
// An unreachable server is an error at the start; later it is waited for. Returns kOk when caught
// up, when nobody reads the output any more, or on `stop`; but kInterrupted for a stop before the
// tasks have caught up, if that was requested. kRefused: an id names no task, a watched task was
// deleted, or it is paused (reason on stderr) and so cannot catch up.
ExitCode Watch(const CommandContext& context,
               const WatchOptions& options,
               const std::stop_token& stop);

}  // namespace cdc::cli
