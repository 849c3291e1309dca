#include "api/metrics.h"

#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

#include "api/task_metrics.h"

namespace cdc {
namespace {

using prometheus::MetricFamily;

std::string Serialize(const std::vector<MetricFamily>& families) {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return out.str();
}

const prometheus::Histogram::BucketBoundaries kLatencyBuckets = {1, 2, 4, 8, 16, 32, 64, 128};

double ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  double total_pages = 0;
  double resident_pages = 0;
  file >> total_pages >> resident_pages;
  return resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double OpenFiles() {
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  return error ? 0 : static_cast<double>(std::distance(begin(files), end(files)) - 1);
}

MetricFamily Single(const char* name, const char* help, prometheus::MetricType type, double value) {
  prometheus::ClientMetric metric;
  (type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  return {name, help, type, {std::move(metric)}};
}

}  // namespace

class Metrics::Impl {
 public:
  Impl(const MetricsOptions& options,
       std::function<std::vector<TaskView>()> list_tasks,
       const Clock* clock)
      : requests_(prometheus::BuildCounter()
                      .Name("milvus_cdc_request_total")
                      .Help("Requests by type; failures are total minus success")
                      .Register(registry_)),
        latency_(prometheus::BuildHistogram()
                     .Name("milvus_cdc_request_latency")
                     .Help("Milliseconds of successful requests")
                     .Register(registry_)),
        tasks_(std::move(list_tasks), clock) {
    prometheus::BuildGauge()
        .Name("milvus_cdc_build_info")
        .Help("1; the version is a label")
        .Register(registry_)
        .Add({{"version", options.version}})
        .Set(1);
    if (options.queue_holds.count() > 0) {
      prometheus::BuildGauge()
          .Name("milvus_cdc_source_queue_seconds")
          .Help("How long the source's queue keeps a record, as configured")
          .Register(registry_)
          .Add({})
          .Set(static_cast<double>(options.queue_holds.count()));
    }
  }

  void CountRequest(std::string_view type, std::string_view status) {
    requests_.Add({{"request_type", std::string(type)}, {"request_status", std::string(status)}})
        .Increment();
  }

  void ObserveLatency(std::string_view type, double milliseconds) {
    latency_.Add({{"request_type", std::string(type)}}, kLatencyBuckets).Observe(milliseconds);
  }

  std::string Scrape() const {
    std::vector<MetricFamily> families = registry_.Collect();
    std::vector<MetricFamily> tasks = tasks_.Collect();
    families.insert(families.end(), std::make_move_iterator(tasks.begin()),
                    std::make_move_iterator(tasks.end()));
    return Serialize(families);
  }

  double start_seconds() const { return start_seconds_; }

 private:
  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Family<prometheus::Histogram>& latency_;
  TaskMetrics tasks_;
  const double start_seconds_ = static_cast<double>(std::time(nullptr));
};

Metrics::Metrics(const MetricsOptions& options,
                 std::function<std::vector<TaskView>()> list_tasks,
                 const Clock* clock)
    : impl_(std::make_unique<Impl>(options, std::move(list_tasks), clock)) {}

Metrics::~Metrics() = default;

void Metrics::CountRequest(std::string_view type, std::string_view status) {
  impl_->CountRequest(type, status);
}

void Metrics::ObserveLatency(std::string_view type, std::chrono::microseconds latency) {
  impl_->ObserveLatency(type, static_cast<double>(latency.count()) / 1000);
}

std::string Metrics::Scrape() const { return impl_->Scrape(); }

std::string Metrics::ScrapeProcess() const {
  using prometheus::MetricType;
  return Serialize(
      {Single("process_cpu_seconds_total", "CPU time used", MetricType::Counter, CpuSeconds()),
       Single("process_resident_memory_bytes", "Memory in use", MetricType::Gauge, ResidentBytes()),
       Single("process_open_fds", "Open file descriptors", MetricType::Gauge, OpenFiles()),
       Single("process_start_time_seconds", "Start of the process, Unix time", MetricType::Gauge,
              impl_->start_seconds())});
}

}  // namespace cdc
