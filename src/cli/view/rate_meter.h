#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "cli/view/task_info.h"

namespace cdc::cli {

// What a task writes per second.
struct Rates {
  double inserted = 0;
  double upserted = 0;
  double deleted = 0;
  std::optional<double> bytes;
};

// Computes rates from counters that are sampled repeatedly.
class RateMeter {
 public:
  // The rates since the last call for this task. nullopt at the first call, if no time has passed,
  // or if a counter went back: the task was restarted and counts from 0.
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
