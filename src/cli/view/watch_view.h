#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "cli/view/console.h"
#include "cli/view/rate_meter.h"
#include "cli/view/task_info.h"

namespace cdc::cli {

struct WatchedTask {
  TaskInfo info;
  std::optional<Rates> rates;  // nullopt: unknown yet
};

// What `watch` shows at one time.
struct WatchFrame {
  std::string server;
  int64_t now_unix_ms = 0;
  std::vector<WatchedTask> tasks;
  std::string problem;   // why the tasks are out of date; empty: they are not
  bool verbose = false;  // also show the position of each channel
};

// The frame for a terminal: no wider, and with fewer lines than it has.
std::vector<std::string> DrawFrame(const WatchFrame& frame, TerminalSize size, bool colours);

// The frame for a log: one line of "key=value" per task, and one per channel if verbose.
std::vector<std::string> FormatFrame(const WatchFrame& frame);

// Draws frames on a terminal, each over the previous one.
class LiveScreen {
 public:
  // `out` must outlive it.
  explicit LiveScreen(std::ostream* out) : out_(out) {}
  void Draw(const std::vector<std::string>& lines);

 private:
  std::ostream* const out_;
  size_t drawn_ = 0;  // our lines above the cursor
};

}  // namespace cdc::cli
