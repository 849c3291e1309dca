#include "pipeline/task_pipeline.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <spdlog/spdlog.h>

namespace cdc {
namespace {

using std::chrono::milliseconds;

// Of the calls in flight when a task stops; a server has 5 s to end altogether.
constexpr milliseconds kDrain{3'000};

// Of the channel that is furthest behind; the clocks of source and server may differ a little.
std::optional<int64_t> LagOf(const std::vector<ChannelStatus>& channels,
                             Timestamp ChannelStatus::* time,
                             int64_t now_ms) {
  std::optional<int64_t> lag;
  for (const ChannelStatus& channel : channels) {
    if (channel.*time == Timestamp{}) {
      return std::nullopt;
    }
    lag = std::max(lag.value_or(0), now_ms - (channel.*time).UnixMs());
  }
  return lag;
}

}  // namespace

TaskPipeline::TaskPipeline(const ReplicatorOptions& options,
                           TaskSpec spec,
                           std::unique_ptr<Target> target,
                           MetaStore::Progress progress,
                           Replicator::OnFailed on_failed)
    : options_(options),
      spec_(std::move(spec)),
      on_failed_(std::move(on_failed)),
      scope_(spec_),
      writer_(
          target.get(),
          {.backoff = options_.retry},
          &conditions_,
          [this](const Status& status) { Fail(status); },
          [this] { reconciler_.Wake(); }),
      reader_({.catalog = options_.catalog,
               .log = options_.log,
               .scope = &scope_,
               .writer = &writer_,
               .conditions = &conditions_,
               .replicate_channel = options_.replicate_channel,
               .on_fatal = [this](const Status& status) { Fail(status); },
               .on_flush =
                   [this](const FlushRequestInfo& flush, std::function<void()> done) {
                     reconciler_.AddFlush(flush, std::move(done));
                   }},
              {.waiting_bytes = options_.waiting_bytes, .on_undecodable = spec_.on_undecodable},
              progress),
      reconciler_({.task_id = spec_.id,
                   .catalog = options_.catalog,
                   .log = options_.log,
                   .target = target.get(),
                   .store = options_.store,
                   .scope = &scope_,
                   .writer = &writer_,
                   .reader = &reader_,
                   .conditions = &conditions_,
                   .ignore_partition = spec_.target.ignore_partition,
                   .sync_index = spec_.sync_index,
                   .sync_load = spec_.sync_load,
                   .retry = options_.retry,
                   .on_fatal = [this](const Status& status) { Fail(status); },
                   .on_connected =
                       [this](const std::string& version) {
                         MutexLock lock(mutex_);
                         target_version_ = version;
                       }},
                  progress),
      target_(std::move(target)) {}

TaskPipeline::~TaskPipeline() { Stop(); }

void TaskPipeline::Start() {
  subscription_ = options_.catalog->Subscribe([this] { reconciler_.Wake(); });
  writer_thread_ = Run("cdc-write", [this](const auto& stop) { writer_.Run(stop, kDrain); });
  reconcile_thread_ = Run("cdc-reconcile", [this](const auto& stop) { reconciler_.Run(stop); });
  read_thread_ = Run("cdc-read", [this](const auto& stop) { reader_.Run(stop); });
  checkpoint_thread_ = Run("cdc-checkpoint", [this](const auto& stop) { RunCheckpoints(stop); });
}

// What a library throws, or want of memory, ends this task and not the server.
Thread TaskPipeline::Run(const std::string& name,
                         std::function<void(const std::stop_token&)> body) {
  return Thread(name, [this, body = std::move(body)](const std::stop_token& stop) {
    try {
      body(stop);
    } catch (const std::exception& error) {
      Fail(InternalError(std::string("unexpected: ") + error.what()));
    }
  });
}

void TaskPipeline::Stop() {
  {
    MutexLock lock(mutex_);
    if (std::exchange(stopped_, true)) {
      return;
    }
  }
  subscription_.reset();
  read_thread_.RequestStop();
  reconcile_thread_.RequestStop();
  checkpoint_thread_.RequestStop();
  writer_thread_.RequestStop();
  read_thread_.Join();
  writer_thread_.Join();
  target_->CancelWrites();
  reconcile_thread_.Join();
  checkpoint_thread_.Join();
  const Status saved = SaveCheckpoints(true);
  if (!saved.ok()) {
    spdlog::error("task={} the last checkpoint is not saved: {}", spec_.id, saved.ToString());
  }
}

void TaskPipeline::Fail(const Status& status) {
  if (status.code() == StatusCode::kCancelled || !conditions_.Fail(status.message())) {
    return;
  }
  spdlog::error("task={} failed: {}", spec_.id, status.ToString());
  on_failed_(status.message());
}

void TaskPipeline::RunCheckpoints(const std::stop_token& stop) {
  bool failing = false;
  while (Pause(options_.checkpoint_interval, stop)) {
    const Status saved = SaveCheckpoints(false);
    conditions_.Set("checkpoint", saved);
    if (!saved.ok() && !failing) {
      spdlog::warn("task={} checkpoint: {}; retrying", spec_.id, saved.ToString());
    }
    failing = !saved.ok();
  }
}

Status TaskPipeline::SaveCheckpoints(bool clean) {
  std::vector<ChannelCheckpoint> checkpoints = reader_.Checkpoints();
  if (checkpoints.empty()) {
    return OkStatus();
  }
  if (!clean || writer_.doubt_left()) {
    for (ChannelCheckpoint& checkpoint : checkpoints) {
      checkpoint.horizon = kAnyTime;
    }
  }
  return options_.store->SaveCheckpoints(spec_.id, checkpoints);
}

TaskStatus TaskPipeline::GetStatus() const {
  TaskStatus status;
  const ConditionBoard::Condition condition = conditions_.Current();
  status.condition = condition.state;
  status.reason = condition.reason;
  status.since_unix_ms = condition.since_unix_ms;
  status.attempts = condition.attempts;
  status.channels = reader_.ChannelStatuses();
  const int64_t now = NowUnixMs();
  status.source_lag_ms = LagOf(status.channels, &ChannelStatus::resolved, now);
  status.lag_ms = LagOf(status.channels, &ChannelStatus::checkpoint, now);
  const RowWriter::Counters counters = writer_.counters();
  status.rows_inserted = counters.rows_inserted;
  status.rows_upserted = counters.rows_upserted;
  status.rows_deleted = counters.rows_deleted;
  status.bytes_written = counters.bytes_written;
  status.bytes_waiting = counters.bytes_waiting + reader_.held_bytes();
  status.covers = reader_.Covered();
  UndecodableRecords::Skipped skipped = reader_.skipped();
  status.records_skipped = skipped.records;
  status.last_skipped = std::move(skipped.last);
  MutexLock lock(mutex_);
  status.target_version = target_version_;
  return status;
}

}  // namespace cdc
