#pragma once

#include <deque>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include "base/clock.h"
#include "base/mutex.h"
#include "control/task_manager.h"

namespace cdc {

// Turns the tasks at the time of a scrape into metrics. Thread-safe.
class TaskMetrics final : public prometheus::Collectable {
 public:
  // `clock` must outlive it.
  TaskMetrics(std::function<std::vector<TaskView>()> list_tasks, const Clock* clock)
      : list_tasks_(std::move(list_tasks)), clock_(clock) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  // The ids seen at earlier scrapes that no longer exist; only the newest thousand.
  std::vector<std::string> UpdateDeleted(const std::vector<TaskView>& tasks) const;

  const std::function<std::vector<TaskView>()> list_tasks_;
  const Clock* const clock_;
  mutable Mutex mutex_;
  mutable std::set<std::string> known_ CDC_GUARDED_BY(mutex_);
  mutable std::deque<std::string> deleted_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
