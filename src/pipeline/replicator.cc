#include "pipeline/replicator.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <optional>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/thread.h"
#include "feed/feed.h"
#include "milvus/endpoint.h"
#include "pipeline/target_pulses.h"
#include "pipeline/task_editor.h"
#include "pipeline/task_pipeline.h"
#include "progress/checkpoint_saver.h"
#include "reconcile/collection_claims.h"
#include "reconcile/plan/plan.h"
#include "reconcile/target_identity.h"
#include "snapshot/copy_throttle.h"
#include "snapshot/log_choice.h"

namespace cdc {

TargetOptions OptionsOf(const MilvusConnectParam& target, SinkMode mode) {
  TargetOptions options;
  options.mode = mode;
  options.uri = target.ResolvedUri();
  options.token = target.ResolvedToken();
  options.tls = target.tls;
  return options;
}

SnapshotSource* SnapshotSourceOf(const ReplicatorOptions& options, SnapshotFrom from) {
  return from == SnapshotFrom::kQuery ? options.queries : options.snapshots;
}

SnapshotFrom SnapshotFromFor(SnapshotFrom from, const CopySelection& selection) {
  return selection.filter.empty() ? from : SnapshotFrom::kQuery;
}

const char* SnapshotSettingOf(SnapshotFrom from) {
  return from == SnapshotFrom::kQuery ? "sourceConfig.milvus" : "sourceConfig.storage";
}

std::string AddressKey(const MilvusConnectParam& target) {
  const std::string uri = target.ResolvedUri();
  const Result<Endpoint> endpoint = ParseEndpoint(uri);
  return endpoint.ok() ? endpoint->Key() : uri;
}

namespace {

using Body = std::function<void(const std::stop_token&)>;

// An exception of a library, or a lack of memory, ends a round but not the server.
Body Guarded(Body body) {
  return [body = std::move(body)](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      try {
        body(stop);
      } catch (const std::exception& error) {
        spdlog::error("unexpected: {}", error.what());
        Pause(std::chrono::seconds(1), stop);
      }
    }
  };
}

class RealReplicator : public Replicator {
 public:
  explicit RealReplicator(ReplicatorOptions options)
      : options_(std::move(options)),
        feed_(options_.catalog, options_.log, options_.clock),
        throttle_(options_.copy_bytes_per_second, options_.clock),
        saver_(options_.store, options_.checkpoint_interval),
        pulses_(options_.targets, options_.pulse),
        pulse_thread_("cdc-pulse", Guarded([this](const auto& stop) { pulses_.Run(stop); })),
        save_thread_("cdc-checkpoint", Guarded([this](const auto& stop) { saver_.Run(stop); })),
        catalog_thread_("cdc-ask", Guarded([this](const auto& stop) { feed_.RunCatalog(stop); })),
        read_thread_("cdc-read", [this](const auto& stop) { feed_.Run(stop); }) {}

  Result<TargetInfo> CheckTarget(const MilvusConnectParam& param) override {
    return options_.targets->Check(OptionsOf(param, SinkMode::kApi),
                                   std::chrono::seconds(param.ConnectTimeoutSeconds()));
  }

  Result<SourcePresent> Present() override {
    SourcePresent present;
    CDC_ASSIGN_OR_RETURN(present.ts, options_.catalog->Present(std::stop_token()));
    CDC_ASSIGN_OR_RETURN(const auto catalog, options_.catalog->Sync(std::stop_token()));
    present.catalog_revision = catalog->revision;
    return present;
  }

  Status Prepare(const TaskSpec& spec, const TargetInfo& target) override;
  Result<CollectionId> FindCollection(const TaskSpec& spec, const CollectionName& name) override;
  Status Change(const TaskSpec& spec, const TaskChanges& changes) override;

  Result<std::unique_ptr<Replication>> Start(const TaskSpec& spec, OnFailed on_failed) override {
    CDC_ASSIGN_OR_RETURN(std::unique_ptr<Target> target,
                         options_.targets->New(OptionsOf(spec.target, spec.sink_mode)));
    CDC_ASSIGN_OR_RETURN(MetaStore::Progress progress, options_.store->LoadProgress(spec.id));
    // A crash may have come between the end of a copy and what follows.
    const TaskChanges left = FinishedCopies(progress);
    if (!left.empty()) {
      CDC_RETURN_IF_ERROR(Change(spec, left));
      CDC_ASSIGN_OR_RETURN(progress, options_.store->LoadProgress(spec.id));
    }
    const TaskPipeline::Shared shared{.options = &options_,
                                      .feed = &feed_,
                                      .saver = &saver_,
                                      .pulses = &pulses_,
                                      .claims = &claims_,
                                      .throttle = &throttle_};
    auto pipeline = std::make_unique<TaskPipeline>(
        shared, spec, NewCountedTarget(std::move(target), spec.sink_mode), progress,
        std::move(on_failed));
    CDC_RETURN_IF_ERROR(pipeline->Load());
    pipeline->Start();
    return std::unique_ptr<Replication>(std::move(pipeline));
  }

 private:
  static Status CheckCovered(const TaskSpec& spec,
                             const std::vector<Scope::Match>& covered,
                             const TargetTraits& traits);
  Status PrepareCollection(const TaskSpec& spec,
                           const Scope& scope,
                           const Scope::Match& match,
                           Timestamp present);
  Result<SnapshotProgress> PlanSnapshot(const TaskSpec& spec, const Scope::Match& match) const;
  Status PrepareSnapshots(const TaskSpec& spec, const std::vector<Scope::Match>& matches);
  Status CheckSelections(const TaskSpec& spec, const Catalog& catalog, const TaskChanges& changes);

  const ReplicatorOptions options_;
  Feed feed_;
  CopyThrottle throttle_;
  CheckpointSaver saver_;
  CollectionClaims claims_;
  TargetPulses pulses_;

  // Declared last, so that they are joined first: nothing may be declared after these.
  Thread pulse_thread_;
  Thread save_thread_;
  Thread catalog_thread_;
  Thread read_thread_;
};

Result<CollectionId> RealReplicator::FindCollection(const TaskSpec& spec,
                                                    const CollectionName& name) {
  CDC_ASSIGN_OR_RETURN(const std::shared_ptr<const Catalog> catalog,
                       options_.catalog->Sync(std::stop_token()));
  const Scope scope(spec);
  for (const Scope::Match& match : scope.Select(*catalog)) {
    if (match.name == name) {
      return match.collection->id;
    }
  }
  CDC_ASSIGN_OR_RETURN(const MetaStore::Progress progress, options_.store->LoadProgress(spec.id));
  for (const ReplicatedCollection& known : progress.collections) {
    const auto collection = catalog->Find(known.id);
    if (collection != nullptr && collection->state == ObjectState::kCreated &&
        CollectionName{catalog->DatabaseName(collection->database), collection->name} == name) {
      return known.id;
    }
  }
  return NotFoundError("the task has no collection " + name.ToString());
}

Status RealReplicator::Change(const TaskSpec& spec, const TaskChanges& changes) {
  if (changes.check_target) {
    // On another Milvus in its place every collection looks removed.
    CDC_ASSIGN_OR_RETURN(const TargetInfo target, CheckTarget(spec.target));
    CDC_RETURN_IF_ERROR(CheckTargetIdentity(spec.target_identity, target.identity));
  }
  CDC_ASSIGN_OR_RETURN(const std::shared_ptr<const Catalog> catalog,
                       options_.catalog->Sync(std::stop_token()));
  CDC_ASSIGN_OR_RETURN(const Timestamp present, options_.catalog->Present(std::stop_token()));
  CDC_ASSIGN_OR_RETURN(MetaStore::Progress progress, options_.store->LoadProgress(spec.id));
  const Scope scope(spec);
  TaskEditor editor({.catalog = catalog.get(),
                     .log = options_.log,
                     .scope = &scope,
                     .can_copy = SnapshotSourceOf(options_, spec.snapshot.from) != nullptr,
                     .copy_setting = SnapshotSettingOf(spec.snapshot.from),
                     .can_filter = options_.queries != nullptr,
                     .ignore_partition = spec.target.ignore_partition,
                     .present = present,
                     .now_unix_ms = options_.clock->UnixMs()},
                    &progress);
  CDC_RETURN_IF_ERROR(editor.Apply(changes));
  CDC_RETURN_IF_ERROR(CheckSelections(spec, *catalog, changes));
  return options_.store->ReplaceProgress(spec.id, progress);
}

// What only the source and the target can say of selections, before anything is stored.
Status RealReplicator::CheckSelections(const TaskSpec& spec,
                                       const Catalog& catalog,
                                       const TaskChanges& changes) {
  for (const auto& [id, selection] : changes.copy_again) {
    const std::shared_ptr<const Collection> collection = catalog.Find(id);
    if (collection == nullptr || collection->state != ObjectState::kCreated) {
      continue;  // as for the editor
    }
    if (!selection.partitions.empty() && selection.Replaces()) {
      CDC_ASSIGN_OR_RETURN(const TargetInfo target, CheckTarget(spec.target));
      if (target.deletes_by == ExpressionDialect::kLite) {
        return FailedPreconditionError(
            "single partitions cannot be copied again into a Milvus Lite, where a delete reaches "
            "all partitions: copy the collection as a whole, without --partition");
      }
    }
    if (!selection.filter.empty()) {
      CDC_RETURN_IF_ERROR(
          options_.queries->Plan(*collection, {}, selection, std::stop_token()).status());
    }
  }
  return OkStatus();
}

// Stores for every existing collection where its rows begin for this task. Collections created
// later begin at their own creation.
Status RealReplicator::Prepare(const TaskSpec& spec, const TargetInfo& target) {
  CDC_ASSIGN_OR_RETURN(const std::shared_ptr<const Catalog> catalog,
                       options_.catalog->Sync(std::stop_token()));
  if (!catalog->Identity().empty()) {
    CDC_RETURN_IF_ERROR(options_.store->PutSource(spec.id, catalog->Identity()));
  }
  if (spec.on_expired == OnExpired::kSnapshot &&
      SnapshotSourceOf(options_, spec.snapshot.from) == nullptr) {
    return FailedPreconditionError(
        std::string("on_expired snapshot needs the stored rows of the source: set ") +
        SnapshotSettingOf(spec.snapshot.from) + " in the configuration, or use on_expired stop");
  }
  const Scope scope(spec);
  const std::vector<Scope::Match> covered = scope.Select(*catalog);
  // A standby deletes by messages, whatever its API can express.
  const TargetTraits traits{
      .deletes_by = spec.sink_mode == SinkMode::kReplicate ? std::nullopt : target.deletes_by};

  CDC_RETURN_IF_ERROR(CheckCovered(spec, covered, traits));
  std::vector<Scope::Match> copied;
  std::ranges::copy_if(covered, std::back_inserter(copied), [&](const Scope::Match& match) {
    return scope.StartOf(match.name) == StartFrom::kSnapshot;
  });
  CDC_RETURN_IF_ERROR(PrepareSnapshots(spec, copied));
  // Whatever an earlier task may have written is at or below this time; stored rows are, too.
  CDC_ASSIGN_OR_RETURN(const Timestamp present, options_.catalog->Present(std::stop_token()));
  for (const Scope::Match& match : covered) {
    CDC_RETURN_IF_ERROR(PrepareCollection(spec, scope, match, present));
  }
  // A flush is an act, not a state: past ones need not be repeated.
  if (!options_.replicate_channel.empty()) {
    CDC_ASSIGN_OR_RETURN(const std::optional<MsgId> latest,
                         options_.log->Latest(options_.replicate_channel));
    if (latest.has_value()) {
      CDC_RETURN_IF_ERROR(
          options_.store->SaveCheckpoints(spec.id, {{.channel = options_.replicate_channel,
                                                     .position = *latest,
                                                     .ts = {},
                                                     .applied = {},
                                                     .horizon = {}}}));
    }
  }
  return OkStatus();
}

// A task that can do without the collections concerned sets them aside later.
Status RealReplicator::CheckCovered(const TaskSpec& spec,
                                    const std::vector<Scope::Match>& covered,
                                    const TargetTraits& traits) {
  Status refused;
  bool all = true;
  for (const Scope::Match& match : covered) {
    const Status checked = CheckReplicable(*match.collection, match.name, traits);
    all = all && !checked.ok();
    refused = refused.ok() ? checked : refused;
  }
  return all || spec.on_collection_error == OnCollectionError::kPause ? refused : OkStatus();
}

Status RealReplicator::PrepareCollection(const TaskSpec& spec,
                                         const Scope& scope,
                                         const Scope::Match& match,
                                         Timestamp present) {
  const CollectionName& name = match.name;
  const Collection& collection = *match.collection;
  ReplicatedCollection record{.id = collection.id,
                              .source = name,
                              .target = scope.Target(name),
                              .pchannels = collection.pchannels,
                              .created = collection.created,
                              .skip_until = {}};
  const StartFrom begin = scope.StartOf(name);
  if (begin != StartFrom::kLatest) {
    record.may_hold_until = present;
  }
  if (begin == StartFrom::kSnapshot) {
    return options_.store->PutCollection(spec.id, record);
  }
  for (const std::string& channel : collection.pchannels) {
    if (begin == StartFrom::kEarliest) {
      const auto start = collection.start_positions.find(channel);
      if (start != collection.start_positions.end()) {
        CDC_RETURN_IF_ERROR(
            options_.log->CheckPosition(channel, {.id = start->second})
                .WithContext("collection " + name.ToString() + " cannot be read from its start"));
      }
    } else {
      // The entry of an empty channel is stored, too, as an empty id: all its rows are new.
      CDC_ASSIGN_OR_RETURN(const std::optional<MsgId> latest, options_.log->Latest(channel));
      record.skip_until[channel] = latest.value_or(MsgId{});
    }
  }
  return options_.store->PutCollection(spec.id, record);
}

// Notes where the log takes over from the stored rows, so that a wrong storage, or a queue that no
// longer holds that place, is found before the task exists.
Status RealReplicator::PrepareSnapshots(const TaskSpec& spec,
                                        const std::vector<Scope::Match>& matches) {
  std::vector<SnapshotProgress> planned;
  int64_t bytes = 0;
  for (const Scope::Match& match : matches) {
    Result<SnapshotProgress> progress = PlanSnapshot(spec, match);
    CDC_RETURN_IF_ERROR(progress.status().WithContext("the stored rows of collection " +
                                                      match.name.ToString() + " cannot be copied"));
    bytes += progress->bytes;
    planned.push_back(*std::move(progress));
  }
  // One choice for all: they share channels, and are copied one after the other.
  const LogChoice choice =
      ChooseLog(spec.snapshot.log, bytes, throttle_.ExpectedRate(), options_.queue_holds);
  for (SnapshotProgress& progress : planned) {
    progress.bytes = 0;
    progress.log = choice.apply ? CopyLog::kWillApply : CopyLog::kWaits;
    progress.expected_seconds = choice.copy_takes.count();
    progress.queue_seconds = options_.queue_holds.count();
    CDC_RETURN_IF_ERROR(options_.store->PutSnapshot(spec.id, progress));
  }
  if (!planned.empty()) {
    spdlog::info("task={} the copies are expected to take {} s, the queue holds {} s: the log {}",
                 spec.id, choice.copy_takes.count(), options_.queue_holds.count(),
                 choice.apply ? "is applied meanwhile" : "waits");
  }
  return OkStatus();
}

// `bytes` of the result: what is to be copied.
Result<SnapshotProgress> RealReplicator::PlanSnapshot(const TaskSpec& spec,
                                                      const Scope::Match& match) const {
  SnapshotSource* const source = SnapshotSourceOf(options_, spec.snapshot.from);
  if (source == nullptr) {
    return FailedPreconditionError(
        std::string("the server does not know where to read the source's rows: set ") +
        SnapshotSettingOf(spec.snapshot.from) +
        " in its configuration, or use start_from latest or earliest");
  }
  const Collection& collection = *match.collection;
  CDC_ASSIGN_OR_RETURN(const std::unique_ptr<CollectionSnapshot> plan,
                       source->Plan(collection, {}, {}, std::stop_token()));
  SnapshotProgress progress{
      .collection = collection.id, .takeover = {}, .begun = false, .done = false, .segments = {}};
  for (size_t shard = 0; shard < collection.vchannels.size(); ++shard) {
    const std::string& vchannel = collection.vchannels[shard];
    const auto found = plan->shards().find(vchannel);
    if (found == plan->shards().end()) {
      return InternalError("the plan lacks channel " + vchannel);
    }
    CDC_RETURN_IF_ERROR(options_.log->CheckPosition(collection.pchannels[shard],
                                                    {.id = found->second.takeover.position}));
    progress.takeover[vchannel] = found->second.takeover;
  }
  for (const auto& [vchannel, shard] : plan->shards()) {
    for (const CollectionSnapshot::Part& part : shard.parts) {
      progress.bytes += part.bytes;
    }
  }
  return progress;
}

}  // namespace

std::unique_ptr<Replicator> NewReplicator(ReplicatorOptions options) {
  return std::make_unique<RealReplicator>(std::move(options));
}

}  // namespace cdc
