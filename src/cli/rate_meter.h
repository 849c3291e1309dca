#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "cli/task_info.h"

namespace cdc::cli {

// What a task writes per second.
struct Rates {
  double inserted = 0;
  double upserted = 0;
  double deleted = 0;
  std::optional<double> bytes;
};

// Makes rates of counters that are looked at again and again.
class RateMeter {
 public:
  // The rates between the last call for this task and now. nullopt at the first call, without time
  // between, and when a counter went back: the task was started anew and counts from 0.
  std::optional<Rates> Update(const TaskInfo& task, std::chrono::steady_clock::time_point now);

 private:
  struct Sample {
    RowCounts rows;
    std::optional<uint64_t> bytes;
    std::chrono::steady_clock::time_point at;
  };
  std::map<std::string, Sample> last_;
};

}  // namespace cdc::cli
