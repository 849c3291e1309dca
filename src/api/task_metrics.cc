#include "api/task_metrics.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <utility>

#include "base/clock.h"

namespace cdc {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr size_t kMaxDeleted = 1000;

MetricFamily Family(const char* name, const char* help, MetricType type) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  return family;
}

void Add(MetricFamily* family,
         std::initializer_list<std::pair<const char*, std::string>> labels,
         double value) {
  ClientMetric metric;
  for (const auto& [name, text] : labels) {
    metric.label.push_back({name, text});
  }
  (family->type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  family->metric.push_back(std::move(metric));
}

double ToDouble(uint64_t value) { return static_cast<double>(value); }
double ToDouble(int64_t value) { return static_cast<double>(value); }

MetricFamily CollectStates(const std::vector<TaskView>& tasks) {
  MetricFamily family =
      Family("milvus_cdc_task_num", "Number of tasks by state", MetricType::Gauge);
  for (const TaskState state : {TaskState::kInitial, TaskState::kRunning, TaskState::kPaused}) {
    const auto count = std::count_if(tasks.begin(), tasks.end(), [state](const TaskView& task) {
      return task.record.state == state;
    });
    Add(&family, {{"task_state", std::string(TaskStateName(state))}},
        ToDouble(static_cast<int64_t>(count)));
  }
  return family;
}

}  // namespace

std::vector<std::string> TaskMetrics::UpdateDeleted(const std::vector<TaskView>& tasks) const {
  std::set<std::string> now;
  for (const TaskView& task : tasks) {
    now.insert(task.record.spec.id);
  }
  MutexLock lock(mutex_);
  std::erase_if(deleted_, [&now](const std::string& id) { return now.contains(id); });
  for (const std::string& id : known_) {
    if (!now.contains(id)) {
      deleted_.push_back(id);
    }
  }
  while (deleted_.size() > kMaxDeleted) {
    deleted_.pop_front();
  }
  known_ = std::move(now);
  return {deleted_.begin(), deleted_.end()};
}

std::vector<MetricFamily> TaskMetrics::Collect() const {
  const std::vector<TaskView> tasks = list_tasks_();
  MetricFamily state =
      Family("milvus_cdc_task_state", "State of a task: 0 initial, 1 running, 2 paused, -1 deleted",
             MetricType::Gauge);
  MetricFamily tt =
      Family("milvus_cdc_replicate_tt",
             "Unix ms up to which a source channel is read (read) and acknowledged by "
             "the target (write)",
             MetricType::Gauge);
  MetricFamily size =
      Family("milvus_cdc_replicate_data_size", "Bytes of row messages acknowledged by the target",
             MetricType::Counter);
  MetricFamily rows = Family("milvus_cdc_replicate_data_cnt", "Rows acknowledged by the target",
                             MetricType::Counter);
  MetricFamily lag = Family("milvus_cdc_replicate_lag_ms",
                            "Now minus the checkpoint of the slowest channel", MetricType::Gauge);
  MetricFamily source_lag =
      Family("milvus_cdc_replicate_source_lag_ms",
             "Now minus the time up to which the slowest channel was read", MetricType::Gauge);
  MetricFamily waiting = Family("milvus_cdc_replicate_waiting_bytes",
                                "Bytes read and not yet acknowledged", MetricType::Gauge);
  MetricFamily waiting_rows = Family(
      "milvus_cdc_replicate_waiting_rows",
      "Rows of a source channel that are in order and not yet acknowledged", MetricType::Gauge);
  MetricFamily tick_age =
      Family("milvus_cdc_replicate_tick_age_ms", "Since the last tick of a source channel was read",
             MetricType::Gauge);
  MetricFamily skipped =
      Family("milvus_cdc_records_skipped",
             "Records left out because they cannot be decoded (on_undecodable: skip)",
             MetricType::Counter);
  MetricFamily late =
      Family("milvus_cdc_source_late_messages",
             "Messages that came after the tick that had promised their end", MetricType::Counter);
  MetricFamily unknown =
      Family("milvus_cdc_source_unknown_messages",
             "Messages of the write-ahead log whose type is not known", MetricType::Counter);
  MetricFamily copied =
      Family("milvus_cdc_snapshot_rows_copied",
             "Stored rows of a collection that the target has acknowledged", MetricType::Gauge);
  MetricFamily stored = Family("milvus_cdc_snapshot_rows_stored",
                               "Stored rows of a collection to be copied", MetricType::Gauge);
  MetricFamily set_aside =
      Family("milvus_cdc_collections_set_aside",
             "Collections that are left where they were, because they cannot be replicated",
             MetricType::Gauge);
  MetricFamily copy_rows =
      Family("milvus_cdc_snapshot_rows_per_second",
             "Stored rows copied per second in the last ten seconds", MetricType::Gauge);
  MetricFamily copy_bytes =
      Family("milvus_cdc_snapshot_bytes_per_second",
             "Bytes of stored rows sent per second in the last ten seconds", MetricType::Gauge);
  MetricFamily copy_left =
      Family("milvus_cdc_snapshot_seconds_left",
             "Until the copy of a collection ends at the present speed", MetricType::Gauge);
  MetricFamily phase =
      Family("milvus_cdc_task_phase", "1 for what a running task is doing, 0 for the rest",
             MetricType::Gauge);
  MetricFamily retrying = Family("milvus_cdc_task_retrying",
                                 "1 while a running task waits out an error", MetricType::Gauge);
  for (const TaskView& task : tasks) {
    const std::string& id = task.record.spec.id;
    Add(&state, {{"task_id", id}}, static_cast<int>(task.record.state));
    Add(&retrying, {{"task_id", id}}, task.status.condition == Condition::kRetrying ? 1 : 0);
    if (!task.live) {
      continue;
    }
    const TaskStatus& status = task.status;
    for (const ChannelStatus& channel : status.channels) {
      Add(&tt, {{"task_id", id}, {"vchannel_name", channel.channel}, {"op_type", "read"}},
          ToDouble(channel.resolved.UnixMs()));
      Add(&tt, {{"task_id", id}, {"vchannel_name", channel.channel}, {"op_type", "write"}},
          ToDouble(channel.checkpoint.UnixMs()));
      Add(&waiting_rows, {{"task_id", id}, {"vchannel_name", channel.channel}},
          ToDouble(channel.rows_waiting));
      if (channel.last_tick_unix_ms > 0) {
        Add(&tick_age, {{"task_id", id}, {"vchannel_name", channel.channel}},
            ToDouble(clock_->UnixMs() - channel.last_tick_unix_ms));
      }
    }
    Add(&size, {{"task_id", id}, {"op_type", "write"}}, ToDouble(status.bytes_written));
    Add(&rows, {{"task_id", id}, {"op_type", "write"}, {"api_type", "insert"}},
        ToDouble(status.rows_inserted));
    Add(&rows, {{"task_id", id}, {"op_type", "write"}, {"api_type", "upsert"}},
        ToDouble(status.rows_upserted));
    Add(&rows, {{"task_id", id}, {"op_type", "write"}, {"api_type", "delete"}},
        ToDouble(status.rows_deleted));
    if (status.lag_ms.has_value()) {
      Add(&lag, {{"task_id", id}}, ToDouble(*status.lag_ms));
    }
    if (status.source_lag_ms.has_value()) {
      Add(&source_lag, {{"task_id", id}}, ToDouble(*status.source_lag_ms));
    }
    Add(&waiting, {{"task_id", id}}, ToDouble(status.bytes_waiting));
    Add(&skipped, {{"task_id", id}}, ToDouble(status.records_skipped));
    Add(&set_aside, {{"task_id", id}}, ToDouble(status.set_aside.size()));
    Add(&late, {{"task_id", id}}, ToDouble(status.source_late_messages));
    Add(&unknown, {{"task_id", id}}, ToDouble(status.source_unknown_messages));
    for (const TaskPhase each :
         {TaskPhase::kSnapshot, TaskPhase::kCatchUp, TaskPhase::kStreaming}) {
      Add(&phase, {{"task_id", id}, {"phase", TaskPhaseName(each)}}, status.phase == each ? 1 : 0);
    }
    for (const SnapshotStatus& snapshot : status.snapshots) {
      const std::string name = snapshot.collection.ToString();
      Add(&copy_rows, {{"task_id", id}, {"collection", name}}, snapshot.rows_per_second);
      Add(&copy_bytes, {{"task_id", id}, {"collection", name}}, snapshot.bytes_per_second);
      if (snapshot.seconds_left.has_value()) {
        Add(&copy_left, {{"task_id", id}, {"collection", name}}, ToDouble(*snapshot.seconds_left));
      }
      Add(&copied, {{"task_id", id}, {"collection", name}}, ToDouble(snapshot.rows));
      Add(&stored, {{"task_id", id}, {"collection", name}}, ToDouble(snapshot.total_rows));
    }
  }
  for (const std::string& id : UpdateDeleted(tasks)) {
    Add(&state, {{"task_id", id}}, -1);
  }
  std::vector<MetricFamily> families = {CollectStates(tasks)};
  for (MetricFamily* family :
       {&state,        &phase,    &retrying, &tt,     &size,      &rows,       &lag,
        &source_lag,   &waiting,  &copied,   &stored, &copy_rows, &copy_bytes, &copy_left,
        &waiting_rows, &tick_age, &skipped,  &late,   &unknown,   &set_aside}) {
    families.push_back(std::move(*family));
  }
  return families;
}

}  // namespace cdc
