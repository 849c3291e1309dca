#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "control/task_manager.h"

namespace cdc {

struct MetricsOptions {
  std::string version;
  std::chrono::seconds queue_holds{0};  // how long the source's queue keeps a record; 0: not known
};

// The metrics of docs/metrics.md as Prometheus text. Thread-safe.
class Metrics {
 public:
  // `list_tasks` is called at each scrape. `clock` must outlive this.
  Metrics(const MetricsOptions& options,
          std::function<std::vector<TaskView>()> list_tasks,
          const Clock* clock = &Clock::Real());
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;
  ~Metrics();

  // `type` and `status` must come from our own code, never from a request: each pair is a series.
  void CountRequest(std::string_view type, std::string_view status);
  void ObserveLatency(std::string_view type, std::chrono::microseconds latency);

  std::string Scrape() const;
  // The metrics any process has: memory, CPU time, files.
  std::string ScrapeProcess() const;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace cdc
