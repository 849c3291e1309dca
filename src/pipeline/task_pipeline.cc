#include "pipeline/task_pipeline.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <spdlog/spdlog.h>

#include "pipeline/task_changes.h"
#include "reconcile/target_identity.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;

constexpr char kTargetPart[] = "target";

// How long a stopping task waits for its calls in flight. The whole server has 5 s to stop.
constexpr milliseconds kDrain{3'000};

// The lag of the channel furthest behind. At least 0, because the clocks of the source and of this
// machine may differ a little; unknown until every channel has a time.
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

TaskPhase PhaseOf(const TaskStatus& status, bool copying) {
  if (copying) {
    return TaskPhase::kSnapshot;
  }
  const bool follows_none = status.channels.empty() && status.idle;
  const bool is_near = status.lag_ms.has_value() && *status.lag_ms <= kStreamingLagMs;
  return follows_none || is_near ? TaskPhase::kStreaming : TaskPhase::kCatchUp;
}

// How long the first call waits: the target may still execute calls of an earlier process, or of an
// earlier task whose rows it holds.
milliseconds GraceOf(const MetaStore::Progress& progress, const ReplicatorOptions& options) {
  const auto begins = [](const auto& collection) {
    return !collection.on_target && collection.may_hold_until > Timestamp{};
  };
  // A channel without a collection of the task is followed no more: nothing replaces its
  // checkpoint.
  const auto is_followed = [&progress](const ChannelCheckpoint& channel) {
    return std::any_of(progress.collections.begin(), progress.collections.end(),
                       [&channel](const ReplicatedCollection& collection) {
                         const auto& of = collection.pchannels;
                         return std::find(of.begin(), of.end(), channel.channel) != of.end();
                       });
  };
  const auto in_doubt = [&is_followed](const ChannelCheckpoint& channel) {
    // What is read again may have been sent by whoever read it first.
    return (channel.horizon > channel.ts || channel.replay.has_value()) && is_followed(channel);
  };
  const bool doubt =
      std::any_of(progress.channels.begin(), progress.channels.end(), in_doubt) ||
      std::any_of(progress.snapshots.begin(), progress.snapshots.end(),
                  [](const auto& snapshot) { return snapshot.begun && !snapshot.done; }) ||
      std::any_of(progress.collections.begin(), progress.collections.end(), begins);
  return doubt && !options.forget_doubts ? options.doubt_grace : milliseconds(0);
}

std::vector<CollectionId> LogsApplied(const MetaStore::Progress& progress) {
  std::vector<CollectionId> applied;
  for (const SnapshotProgress& snapshot : progress.snapshots) {
    if (IsLogApplied(snapshot)) {
      applied.push_back(snapshot.collection);
    }
  }
  return applied;
}

}  // namespace

TaskPipeline::TaskPipeline(const Shared& shared,
                           TaskSpec spec,
                           std::unique_ptr<CountedTarget> target,
                           const MetaStore::Progress& progress,
                           Replicator::OnFailed on_failed)
    : shared_(shared),
      spec_(std::move(spec)),
      on_failed_(std::move(on_failed)),
      scope_(spec_),
      aside_(progress.aside),
      logs_applied_(LogsApplied(progress)),
      conditions_(shared.options->clock),
      horizon_({.clock = shared.options->clock}, [this] { shared_.saver->Wake(); }),
      writer_(
          &target->rows(),
          &horizon_,
          {.backoff = shared.options->retry,
           .doubt_grace = GraceOf(progress, *shared.options),
           .clock = shared.options->clock},
          &conditions_,
          [this](CollectionId id, const Status& status) { FailCollection(id, status); },
          [this] {
            reconciler_.OnProgress();
            copier_.OnProgress();
          }),
      guard_(&writer_,
             shared.options->copy_keys_bytes,
             [this](CollectionId id, const Status& status) { FailCollection(id, status); }),
      router_({.catalog = shared.options->catalog,
               .log = shared.options->log,
               .feed = shared.feed,
               .scope = &scope_,
               .consumer = guard_.log(),
               .conditions = &conditions_,
               .replicate_channel = shared.options->replicate_channel,
               .follows_access = spec_.enable_user_role,
               .on_fatal = [this](const Status& status) { Fail(status); },
               .on_collection_failed = [this](CollectionId id,
                                              const Status& status) { FailCollection(id, status); },
               .on_expired = [this](const std::string& channel,
                                    const Status& status) { CopyExpired(channel, status); },
               .on_renamed_in = [this](CollectionId id,
                                       const Status& status) { CopyRenamedIn(id, status); },
               .on_catalog =
                   [this] {
                     ShowSetAside();
                     reconciler_.Wake();
                   },
               .on_flush =
                   [this](const FlushRequestInfo& flush, std::function<void()> done) {
                     reconciler_.AddFlush(flush, std::move(done));
                   },
               .on_password =
                   [this](const PasswordChange& change, std::function<void()> done) {
                     reconciler_.AddPassword(change, std::move(done));
                   },
               .is_full = [this](CollectionId id) { return guard_.IsFull(id); }},
              {.waiting_bytes = shared.options->waiting_bytes,
               .on_undecodable = spec_.on_undecodable,
               .stop_at = spec_.stop_at,
               .forget_doubts = shared.options->forget_doubts,
               .copies_show_later_rows = spec_.snapshot.from == SnapshotFrom::kQuery,
               .clock = shared.options->clock},
              progress),
      copier_(
          {.task_id = spec_.id,
           .catalog = shared.options->catalog,
           .log = shared.options->log,
           .source =
               [options = shared.options, from = spec_.snapshot.from](const auto& selection) {
                 return SnapshotSourceOf(*options, SnapshotFromFor(from, selection));
               },
           .setting =
               [from = spec_.snapshot.from](const auto& selection) {
                 return SnapshotSettingOf(SnapshotFromFor(from, selection));
               },
           .store = shared.options->store,
           .consumer = guard_.copied(),
           .throttle = shared.throttle,
           .conditions = &conditions_,
           .retry = shared.options->retry,
           .max_parallel = shared.options->copy_parallel,
           .clock = shared.options->clock,
           .on_failed = [this](CollectionId id,
                               const Status& status) { FailCollection(id, status); },
           .on_log_applied = [this](CollectionId id,
                                    const auto& takeover) { ApplyLog(id, takeover); },
           .on_gone = [this](CollectionId id) { guard_.End(id); },
           .on_copied = [this](CollectionId id, const auto& takeover) { FinishCopy(id, takeover); },
           .target_keys = target->keys(),
           .gate = [this](CollectionId id) { return writer_.GateOf(id); },
           .tell_all_shards = spec_.sink_mode == SinkMode::kReplicate,
           .dry_run = spec_.dry_run},
          progress),
      checkpoints_({.task_id = spec_.id,
                    .source = &router_,
                    .horizon = &horizon_,
                    .conditions = &conditions_,
                    .keys = &guard_,
                    .on_horizon = [this] { writer_.Wake(); },
                    .clock = shared.options->clock}),
      reconciler_(
          {.task_id = spec_.id,
           .catalog = shared.options->catalog,
           .log = shared.options->log,
           .target = &target->metadata(),
           .access = spec_.enable_user_role ? target->access() : nullptr,
           .target_user = spec_.target.ResolvedUser(),
           .store = shared.options->store,
           .scope = &scope_,
           .gates = &writer_,
           .routes = &router_,
           .conditions = &conditions_,
           .claims = shared.claims.get(),
           .target_address = AddressKey(spec_.target),
           .target_identity = spec_.target_identity,
           .ignore_partition = spec_.target.ignore_partition,
           .sync_index = spec_.sync_index,
           .sync_load = spec_.sync_load,
           .dry_run = spec_.dry_run,
           .index_after_copy = spec_.snapshot.index == SnapshotIndex::kAfter,
           .retry = shared.options->retry,
           .on_fatal = [this](const Status& status) { Fail(status); },
           .on_collection_failed = [this](CollectionId id,
                                          const Status& status) { FailCollection(id, status); },
           .on_connected =
               [this](const std::string& version) {
                 MutexLock lock(mutex_);
                 target_version_ = version;
               },
           .clock = shared.options->clock},
          progress),
      target_(std::move(target)) {
  for (const ChannelCheckpoint& channel : progress.channels) {
    horizon_.Load(channel.channel, channel.horizon);
  }
  ShowSetAside();
}

TaskPipeline::~TaskPipeline() { Stop(); }

Status TaskPipeline::Load() {
  for (const CollectionId id : logs_applied_) {
    CDC_ASSIGN_OR_RETURN(const std::vector<std::string> keys,
                         shared_.options->store->LoadLogKeys(spec_.id, id));
    CDC_RETURN_IF_ERROR(guard_.Begin(id, keys));
  }
  return OkStatus();
}

void TaskPipeline::Start() {
  // Before any thread starts: the first row waits until a horizon is saved.
  shared_.saver->Add(spec_.id, &checkpoints_);
  const Status follows =
      shared_.pulses->Follow(this, OptionsOf(spec_.target, spec_.sink_mode),
                             [this](const Result<std::string>& identity) { TakePulse(identity); });
  conditions_.Set(kTargetPart, follows);
  writer_thread_ = Run("cdc-write", [this](const auto& stop) { writer_.Run(stop, kDrain); });
  if (copier_.HasWork()) {
    snapshot_thread_ = Run("cdc-snapshot", [this](const auto& stop) { copier_.Run(stop); });
  }
  reconcile_thread_ = Run("cdc-reconcile", [this](const auto& stop) { RunReconciler(stop); });
}

// An exception of a library, or a lack of memory, ends this task but not the server.
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

void TaskPipeline::RunReconciler(const std::stop_token& stop) {
  // Begin queries the source, which may take long or forever, so it runs here and not in Start.
  const Status begun = router_.Begin(stop);
  if (!begun.ok()) {
    Fail(begun);
    return;
  }
  reconciler_.Run(stop);
}

// Shows that the target is away, even while nothing is written, and fails the task if another
// Milvus has taken the target's place.
void TaskPipeline::TakePulse(const Result<std::string>& identity) {
  conditions_.Set(kTargetPart, identity.status());
  const bool was_away = std::exchange(target_away_, !identity.ok());
  if (!identity.ok()) {
    return;
  }
  const Status same = CheckTargetIdentity(spec_.target_identity, *identity);
  if (!same.ok()) {
    Fail(same);
  } else if (was_away) {
    // A target that was away may have lost what it had loaded (a restarted Milvus Lite has).
    reconciler_.ReinspectTarget();
  }
}

void TaskPipeline::Stop() {
  // A second call waits here until the first one is done, so that the checkpoint is durable when
  // either returns.
  MutexLock stopping(stop_mutex_);
  if (std::exchange(stopped_, true)) {
    return;
  }
  shared_.pulses->Unfollow(this);
  // Requested first and joined later: a metadata call in progress ends while the writer drains.
  reconcile_thread_.RequestStop();
  snapshot_thread_.RequestStop();
  router_.End();
  writer_thread_.RequestStop();
  writer_thread_.Join();
  target_->rows().CancelWrites();
  reconcile_thread_.Join();
  snapshot_thread_.Join();  // before the last End: it may have followed what was copied
  router_.End();            // the reconciler's thread may have called Begin after the first End
  // Only now can no row of this task reach the target any more: another task may write them.
  shared_.claims->ReleaseAll(spec_.id);
  // The saver must not overwrite the final checkpoints with older ones.
  shared_.saver->Remove(spec_.id);
  SaveLastCheckpoints();
}

// Reports only the first failure, since the others usually follow from it. Being stopped is none.
void TaskPipeline::Fail(const Status& status) {
  if (status.code() == StatusCode::kCancelled || !conditions_.Fail(status.message())) {
    return;
  }
  spdlog::error("task={} failed: {}", spec_.id, status.ToString());
  on_failed_(status.message());
}

// ---- What needs a change of the stored progress ----------------------------------------------

// Wrong credentials concern all collections.
void TaskPipeline::FailCollection(CollectionId collection, const Status& status) {
  const bool all = status.code() == StatusCode::kUnauthenticated ||
                   status.code() == StatusCode::kPermissionDenied ||
                   status.code() == StatusCode::kCancelled;
  if (all || spec_.on_collection_error == OnCollectionError::kPause) {
    Fail(status);
    return;
  }
  RequestChange(status.message(), [&](TaskChanges* changes) {
    changes->set_aside.try_emplace(collection, status.message());
    changes->check_target = true;
  });
}

// One that the source has dropped meanwhile is nobody's concern any more.
void TaskPipeline::ShowSetAside() {
  for (const AsideCollection& aside : aside_) {
    if (!aside.reason.empty()) {
      conditions_.SetWaiting(
          "set aside: collection " + aside.name.ToString(),
          Exists(aside.collection) ? FailedPreconditionError(aside.reason) : OkStatus());
    }
  }
}

// Before the first catalog everything exists.
bool TaskPipeline::Exists(CollectionId id) const {
  const std::shared_ptr<const Catalog> catalog = router_.catalog_seen().catalog;
  const auto collection = catalog == nullptr ? nullptr : catalog->Find(id);
  return catalog == nullptr ||
         (collection != nullptr && collection->state == ObjectState::kCreated);
}

void TaskPipeline::ApplyLog(CollectionId collection,
                            const std::map<std::string, Takeover>& takeover) {
  const Status begun = guard_.Begin(collection, {});
  CDC_CHECK(begun.ok());  // there is nothing to read
  router_.OnLogApplied(collection, takeover);
}

void TaskPipeline::FinishCopy(CollectionId collection,
                              const std::map<std::string, Takeover>& takeover) {
  guard_.End(collection);
  reconciler_.OnCopied(collection);
  const bool aside = std::any_of(aside_.begin(), aside_.end(), [&](const AsideCollection& each) {
    return each.collection == collection;
  });
  if (!aside) {
    router_.OnCopied(collection, takeover);
    return;
  }
  RequestChange("a copy is done: its log follows",
                [&](TaskChanges* changes) { changes->follow_copied.insert(collection); });
}

void TaskPipeline::CopyExpired(const std::string& channel, const Status& status) {
  if (spec_.on_expired == OnExpired::kStop) {
    Fail(status);
    return;
  }
  RequestChange(status.message() + "; its collections are copied again",
                [&](TaskChanges* changes) { changes->expired.insert(channel); });
}

void TaskPipeline::CopyRenamedIn(CollectionId collection, const Status& status) {
  const SnapshotFrom from = spec_.snapshot.from;
  const bool ends = spec_.stop_at > Timestamp{};
  if (ends || SnapshotSourceOf(*shared_.options, from) == nullptr) {
    FailCollection(collection,
                   status.WithContext(ends ? std::string("cannot be copied by a task with stop_at")
                                           : std::string("cannot be copied without ") +
                                                 SnapshotSettingOf(from)));
    MutexLock lock(mutex_);
    if (changes_.set_aside.contains(collection)) {
      changes_.copy_later.insert(collection);
    }
    return;
  }
  RequestChange(status.message() + "; it is copied",
                [&](TaskChanges* changes) { changes->copy_again[collection] = {}; });
}

void TaskPipeline::RequestChange(const std::string& why,
                                 const std::function<void(TaskChanges*)>& change) {
  bool first = false;
  {
    MutexLock lock(mutex_);
    first = changes_.empty();
    change(&changes_);
  }
  spdlog::warn("task={} is interrupted: {}", spec_.id, why);
  if (first) {
    on_failed_(why);
  }
}

TaskChanges TaskPipeline::Changes() const {
  // A failure of the whole task is final, whatever else has happened.
  if (conditions_.Current().state == Condition::kFailed) {
    return {};
  }
  MutexLock lock(mutex_);
  return changes_;
}

void TaskPipeline::SaveLastCheckpoints() {
  const std::vector<ChannelCheckpoint> checkpoints =
      checkpoints_.FinalCheckpoints(writer_.doubt_left());
  if (checkpoints.empty()) {
    return;
  }
  const Status saved = shared_.options->store->SaveCheckpoints(spec_.id, checkpoints);
  if (!saved.ok()) {
    spdlog::error("task={} cannot save the final checkpoint, so the next start repeats rows: {}",
                  spec_.id, saved.ToString());
  }
}

ConditionBoard::View TaskPipeline::CurrentCondition() const {
  // Anything else that is wrong is shown first: it may be the cause of the silence.
  ConditionBoard::View condition = conditions_.Current();
  const auto silence = router_.LongestSilence(shared_.options->longest_silence);
  if (condition.state == Condition::kOk && silence.has_value()) {
    condition = {.state = Condition::kWaiting,
                 .reason = "source: channel " + silence->channel + " has brought no tick for " +
                           std::to_string(
                               (shared_.options->clock->UnixMs() - silence->since_unix_ms) / 1000) +
                           " s: is the source's Milvus running?",
                 .since_unix_ms = silence->since_unix_ms,
                 .attempts = 0};
  }
  return condition;
}

TaskStatus TaskPipeline::GetNews() const {
  TaskStatus status;
  status.snapshots = copier_.Statuses();
  for (const AsideCollection& aside : aside_) {
    if (!aside.reason.empty() && Exists(aside.collection)) {
      status.set_aside.push_back(
          {.collection = aside.name, .reason = aside.reason, .since_unix_ms = aside.since_unix_ms});
    }
  }
  const ConditionBoard::View condition = CurrentCondition();
  status.condition = condition.state;
  status.idle = condition.idle;
  status.reason = condition.reason;
  status.since_unix_ms = condition.since_unix_ms;
  status.attempts = condition.attempts;
  return status;
}

TaskStatus TaskPipeline::GetStatus() const {
  // Before the rest: see TaskStatus. A copy that is done has its channels followed.
  CatalogProgress catalog = reconciler_.Progress();
  TaskStatus status = GetNews();
  status.catalog = std::move(catalog);
  bool copying = false;
  bool log_waits = false;
  for (const AsideCollection& aside : aside_) {
    if (!Exists(aside.collection)) {
      continue;
    }
    const bool copied = aside.reason.empty();
    // Its rows are missing, whatever the checkpoints say of the others.
    status.catalog.applied = false;
    status.catalog.pending.push_back((copied ? "the log of " : "collection set aside: ") +
                                     aside.name.ToString());
  }
  for (const SnapshotStatus& snapshot : status.snapshots) {
    if (!snapshot.done) {
      copying = true;
      log_waits = log_waits || !snapshot.log_applied;
      status.catalog.applied = false;
      status.catalog.pending.push_back("snapshot of " + snapshot.collection.ToString());
    }
  }
  status.channels = router_.ChannelStatuses();
  for (const ChannelStatus& channel : status.channels) {
    status.rows_waiting += channel.rows_waiting;
  }
  const int64_t now = shared_.options->clock->UnixMs();
  if (!log_waits) {  // else some channels are not followed yet, and how far they are is unknown
    status.source_lag_ms = LagOf(status.channels, &ChannelStatus::resolved, now);
    status.lag_ms = LagOf(status.channels, &ChannelStatus::checkpoint, now);
  }
  status.phase = PhaseOf(status, copying);
  status.dry_run = spec_.dry_run;
  status.counts = writer_.counts();
  status.counts.calls = target_->Calls();
  status.counts.errors = conditions_.errors();
  status.bytes_waiting = writer_.bytes_waiting() + router_.held_bytes();
  status.target_ticks = target_->SentTicks();
  status.target_rows = target_->LastRows();
  status.covers = router_.Covered();
  UndecodableRecords::Skipped skipped = router_.skipped();
  status.records_skipped = skipped.records;
  status.last_skipped = std::move(skipped.last);
  status.source_late_messages = router_.late_messages();
  status.source_unknown_messages = router_.unknown_messages();
  MutexLock lock(mutex_);
  status.target_version = target_version_;
  return status;
}

}  // namespace cdc
