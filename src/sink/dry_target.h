#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "sink/target.h"

namespace cdc {

struct DryTargetOptions {
  std::string task_id;      // for the log
  bool is_standby = false;  // rows would go to its queues; then `target` reaches it by its API
  std::chrono::milliseconds summary_interval{10'000};
};

// A target that is looked at and never changed: it behaves as if every change had been executed.
// Its metadata is what the real target has, with the changes on top, in memory (TargetModel). Rows
// are counted and acknowledged at once, and after each interval, and at the end, the log has a line
// for each collection that has got some.
//
// What others change on the target shows only in collections that have not been changed here.
std::unique_ptr<Target> NewDryTarget(std::unique_ptr<Target> target, DryTargetOptions options);

}  // namespace cdc
