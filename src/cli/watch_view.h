#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/rate_meter.h"
#include "cli/task_info.h"

namespace cdc::cli {

struct WatchedTask {
  TaskInfo info;
  std::optional<Rates> rates;  // nullopt: not known yet
};

// What `watch` shows at one moment.
struct WatchFrame {
  std::string server;
  int64_t now_unix_ms = 0;
  std::vector<WatchedTask> tasks;
  std::string problem;   // why the tasks are not of now; empty: they are
  bool verbose = false;  // also the position of each channel
};

// The frame for a terminal: no line wider than it, and fewer lines than it has.
std::vector<std::string> DrawFrame(const WatchFrame& frame, TerminalSize size, bool colours);

// The frame for a log: one line of "key=value" per task, and one per channel if verbose.
std::vector<std::string> FormatFrame(const WatchFrame& frame);

// Draws frames over each other on a terminal.
class LiveScreen {
 public:
  // `out` must outlive it.
  explicit LiveScreen(std::ostream* out) : out_(out) {}
  void Draw(const std::vector<std::string>& lines);

 private:
  std::ostream* const out_;
  size_t drawn_ = 0;  // lines above the cursor that are ours
};

}  // namespace cdc::cli
