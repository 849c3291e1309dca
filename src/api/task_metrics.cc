#include "api/task_metrics.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <map>
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

// Two standbys may have channels of one name, and the contract has no other label: the one that is
// further behind is shown.
MetricFamily CollectTargetTicks(const std::vector<TaskView>& tasks) {
  MetricFamily family =
      Family("milvus_cdc_center_tt", "Unix ms of the newest tick sent to a channel of a standby",
             MetricType::Gauge);
  std::map<std::string, Timestamp> ticks;
  for (const TaskView& task : tasks) {
    for (const TargetTick& tick : task.status.target_ticks) {
      const auto [found, added] = ticks.try_emplace(tick.channel, tick.ts);
      found->second = std::min(found->second, tick.ts);
    }
  }
  for (const auto& [channel, ts] : ticks) {
    Add(&family, {{"channel_name", channel}}, ToDouble(ts.UnixMs()));
  }
  return family;
}

using NamedCount = std::pair<const char*, uint64_t>;

std::array<NamedCount, 3> ByMsgType(const CountsByOp& counts) {
  return {NamedCount{"Insert", counts.inserts}, NamedCount{"Upsert", counts.upserts},
          NamedCount{"Delete", counts.deletes}};
}

std::array<NamedCount, 3> ByApiType(const CountsByOp& counts) {
  return {NamedCount{"insert", counts.inserts}, NamedCount{"upsert", counts.upserts},
          NamedCount{"delete", counts.deletes}};
}

void AddCounts(const std::string& id,
               const TaskCounts& counts,
               MetricFamily* size,
               MetricFamily* rows,
               MetricFamily* calls) {
  for (const auto& [channel, bytes] : counts.bytes) {
    // Stored rows come from no channel.
    const std::string name = channel.empty() ? "snapshot" : channel;
    for (const auto& [op, sums] : {std::pair("read", &bytes.read), {"write", &bytes.written}}) {
      for (const auto& [type, sum] : ByMsgType(*sums)) {
        Add(size, {{"task_id", id}, {"vchannel_name", name}, {"op_type", op}, {"msg_type", type}},
            ToDouble(sum));
      }
    }
  }
  for (const auto& [collection, count] : counts.collections) {
    if (count.name.empty()) {
      continue;  // it would begin again under another name
    }
    for (const auto& [op, sums] :
         {std::pair("read", &count.rows.read), {"write", &count.rows.written}}) {
      for (const auto& [type, sum] : ByApiType(*sums)) {
        Add(rows,
            {{"task_id", id},
             {"collection_id", std::to_string(collection.value)},
             {"collection_name", count.name},
             {"op_type", op},
             {"api_type", type}},
            ToDouble(sum));
      }
    }
  }
  for (const auto& [call, count] : counts.calls) {
    Add(calls, {{"task_id", id}, {"api_type", call}}, ToDouble(count));
  }
}

Condition ConditionOf(const TaskView& task) {
  return IsFailed(task.record) ? Condition::kFailed : task.status.condition;
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
  MetricFamily size = Family(
      "milvus_cdc_replicate_data_size",
      "Bytes of row messages handed over to be written (read) and acknowledged by the target "
      "(write)",
      MetricType::Counter);
  MetricFamily rows = Family("milvus_cdc_replicate_data_cnt",
                             "Rows handed over to be written (read) and acknowledged by the target "
                             "(write)",
                             MetricType::Counter);
  MetricFamily calls = Family("milvus_cdc_api_execute_total", "Calls that the target has executed",
                              MetricType::Counter);
  MetricFamily errors =
      Family("milvus_cdc_task_errors_total", "Attempts of any part of a task that have failed",
             MetricType::Counter);
  MetricFamily condition =
      Family("milvus_cdc_task_condition", "1 for the condition of a task, 0 for the others",
             MetricType::Gauge);
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
    const TaskStatus& status = task.status;
    Add(&state, {{"task_id", id}}, static_cast<int>(task.record.state));
    Add(&retrying, {{"task_id", id}}, status.condition == Condition::kRetrying ? 1 : 0);
    for (const Condition each : {Condition::kOk, Condition::kWaiting, Condition::kRetrying,
                                 Condition::kPaused, Condition::kFailed}) {
      Add(&condition, {{"task_id", id}, {"condition", std::string(ConditionName(each))}},
          ConditionOf(task) == each ? 1 : 0);
    }
    AddCounts(id, status.counts, &size, &rows, &calls);
    Add(&errors, {{"task_id", id}}, ToDouble(status.counts.errors));
    for (const ChannelStatus& channel : status.channels) {
      Add(&tt, {{"task_id", id}, {"vchannel_name", channel.channel}, {"op_type", "read"}},
          ToDouble(channel.resolved.UnixMs()));
      Add(&tt, {{"task_id", id}, {"vchannel_name", channel.channel}, {"op_type", "write"}},
          ToDouble(channel.checkpoint.UnixMs()));
    }
    Add(&set_aside, {{"task_id", id}}, ToDouble(status.set_aside.size()));
    if (!task.live) {
      continue;
    }
    for (const ChannelStatus& channel : status.channels) {
      Add(&waiting_rows, {{"task_id", id}, {"vchannel_name", channel.channel}},
          ToDouble(channel.rows_waiting));
      if (channel.silent_since_unix_ms > 0) {
        Add(&tick_age, {{"task_id", id}, {"vchannel_name", channel.channel}},
            ToDouble(clock_->UnixMs() - channel.silent_since_unix_ms));
      }
    }
    if (status.lag_ms.has_value()) {
      Add(&lag, {{"task_id", id}}, ToDouble(*status.lag_ms));
    }
    if (status.source_lag_ms.has_value()) {
      Add(&source_lag, {{"task_id", id}}, ToDouble(*status.source_lag_ms));
    }
    Add(&waiting, {{"task_id", id}}, ToDouble(status.bytes_waiting));
    Add(&skipped, {{"task_id", id}}, ToDouble(status.records_skipped));
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
  std::vector<MetricFamily> families = {CollectStates(tasks), CollectTargetTicks(tasks)};
  for (MetricFamily* family :
       {&state,    &phase,   &condition, &retrying,   &errors,     &tt,
        &size,     &rows,    &calls,     &lag,        &source_lag, &waiting,
        &copied,   &stored,  &copy_rows, &copy_bytes, &copy_left,  &waiting_rows,
        &tick_age, &skipped, &late,      &unknown,    &set_aside}) {
    families.push_back(std::move(*family));
  }
  return families;
}

}  // namespace cdc
