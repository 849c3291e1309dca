#include "pipeline/replicator.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/thread.h"
#include "feed/feed.h"
#include "metastore/forgetful_store.h"
#include "milvus/endpoint.h"
#include "pipeline/target_pulses.h"
#include "pipeline/task_editor.h"
#include "pipeline/task_pipeline.h"
#include "pipeline/task_preparation.h"
#include "pipeline/task_reposition.h"
#include "pipeline/task_rescope.h"
#include "progress/checkpoint_saver.h"
#include "reconcile/collection_claims.h"
#include "reconcile/target_identity.h"
#include "sink/dry_target.h"
#include "snapshot/copy_throttle.h"

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

ReplicatorOptions WithStore(ReplicatorOptions options, MetaStore* store) {
  options.store = store;
  return options;
}

class RealReplicator : public Replicator {
 public:
  explicit RealReplicator(ReplicatorOptions options)
      : options_(std::move(options)),
        feed_(options_.catalog, options_.log, options_.clock),
        throttle_(options_.copy_bytes_per_second, options_.clock),
        saver_(options_.store, options_.checkpoint_interval),
        dry_store_(NewForgetfulStore(options_.store)),
        dry_options_(WithStore(options_, dry_store_.get())),
        dry_saver_(dry_store_.get(), options_.checkpoint_interval),
        pulses_(options_.targets, options_.pulse),
        pulse_thread_("cdc-pulse", Guarded([this](const auto& stop) { pulses_.Run(stop); })),
        save_thread_("cdc-checkpoint", Guarded([this](const auto& stop) { saver_.Run(stop); })),
        dry_save_thread_("cdc-dry-save",
                         Guarded([this](const auto& stop) { dry_saver_.Run(stop); })),
        catalog_thread_("cdc-ask", Guarded([this](const auto& stop) { feed_.RunCatalog(stop); })),
        read_thread_("cdc-read", [this](const auto& stop) { feed_.Run(stop); }) {}

  Result<TargetInfo> CheckTarget(const MilvusConnectParam& param) override {
    return options_.targets->Check(OptionsOf(param, SinkMode::kApi),
                                   std::chrono::seconds(param.ConnectTimeoutSeconds()));
  }

  Status CheckHasOwn(const TaskSpec& spec) override;

  Result<SourcePresent> Present() override {
    SourcePresent present;
    CDC_ASSIGN_OR_RETURN(present.ts, options_.catalog->Present(std::stop_token()));
    CDC_ASSIGN_OR_RETURN(const auto catalog, options_.catalog->Sync(std::stop_token()));
    present.catalog_revision = catalog->revision;
    return present;
  }

  Status Prepare(const TaskSpec& spec, const TargetInfo& target) override {
    dry_store_->Forget(spec.id);  // of an earlier task
    return PrepareTask(options_, spec, target, throttle_.ExpectedRate());
  }
  PlanItems Plan(const TaskSpec& spec, const TargetInfo* target) override {
    return PlanTask(options_, spec, target, throttle_.ExpectedRate());
  }
  Result<CollectionId> FindCollection(const TaskSpec& spec, const CollectionName& name) override;
  Status Change(const TaskSpec& spec, const TaskChanges& changes) override;
  Result<std::vector<ScopeNote>> Rescope(const TaskSpec& before,
                                         const TaskRecord& task,
                                         const TargetInfo& target) override {
    CDC_ASSIGN_OR_RETURN(std::vector<ScopeNote> notes,
                         RescopeTask(options_, before, task, target, throttle_.ExpectedRate()));
    dry_store_->Forget(task.spec.id);
    return notes;
  }

  Result<std::vector<ScopeNote>> Reposition(const TaskSpec& spec,
                                            const std::map<CollectionName, GivenPositions>& places,
                                            bool force) override;

  Result<std::unique_ptr<Replication>> Start(const TaskSpec& task, OnFailed on_failed) override {
    TaskSpec spec = task;
    spec.dry_run = IsDryRun(task);
    if (spec.dry_run) {
      // A standby is looked at by its API, too: the other way sends it ticks.
      spec.sink_mode = SinkMode::kApi;
    }
    CDC_ASSIGN_OR_RETURN(std::unique_ptr<Target> target,
                         options_.targets->New(OptionsOf(spec.target, spec.sink_mode)));
    if (spec.dry_run) {
      target =
          NewDryTarget(std::move(target),
                       {.task_id = spec.id, .is_standby = task.sink_mode == SinkMode::kReplicate});
    }
    CDC_RETURN_IF_ERROR(FollowFinishedCopies(spec));
    CDC_ASSIGN_OR_RETURN(const MetaStore::Progress progress, StoreOf(spec)->LoadProgress(spec.id));
    // A dry run stores nothing, and neither keeps another task from a collection nor is kept.
    const TaskPipeline::Shared shared{
        .options = spec.dry_run ? &dry_options_ : &options_,
        .feed = &feed_,
        .saver = spec.dry_run ? &dry_saver_ : &saver_,
        .pulses = &pulses_,
        .claims = spec.dry_run ? std::make_shared<CollectionClaims>() : claims_,
        .throttle = &throttle_};
    auto pipeline = std::make_unique<TaskPipeline>(
        shared, spec, NewCountedTarget(std::move(target), spec.sink_mode), progress,
        std::move(on_failed));
    CDC_RETURN_IF_ERROR(pipeline->Load());
    pipeline->Start();
    return std::unique_ptr<Replication>(std::move(pipeline));
  }

 private:
  bool IsDryRun(const TaskSpec& spec) const { return spec.dry_run || options_.dry_run; }
  MetaStore* StoreOf(const TaskSpec& spec) const {
    return IsDryRun(spec) ? dry_store_.get() : options_.store;
  }
  // A crash may have come between the end of a copy and what follows.
  Status FollowFinishedCopies(const TaskSpec& spec) {
    CDC_ASSIGN_OR_RETURN(const MetaStore::Progress progress, StoreOf(spec)->LoadProgress(spec.id));
    const TaskChanges left = FinishedCopies(progress);
    return left.empty() ? OkStatus() : Change(spec, left);
  }
  Status CheckSelections(const TaskSpec& spec, const Catalog& catalog, const TaskChanges& changes);

  const ReplicatorOptions options_;
  Feed feed_;
  CopyThrottle throttle_;
  CheckpointSaver saver_;
  const std::shared_ptr<CollectionClaims> claims_ = std::make_shared<CollectionClaims>();
  // Of dry runs.
  const std::unique_ptr<ForgetfulStore> dry_store_;
  const ReplicatorOptions dry_options_;
  CheckpointSaver dry_saver_;
  TargetPulses pulses_;

  // Declared last, so that they are joined first: nothing may be declared after these.
  Thread pulse_thread_;
  Thread save_thread_;
  Thread dry_save_thread_;
  Thread catalog_thread_;
  Thread read_thread_;
};

Status RealReplicator::CheckHasOwn(const TaskSpec& spec) {
  CDC_ASSIGN_OR_RETURN(const MetaStore::Progress progress, StoreOf(spec)->LoadProgress(spec.id));
  CDC_ASSIGN_OR_RETURN(const std::unique_ptr<Target> target,
                       options_.targets->New(OptionsOf(spec.target, SinkMode::kApi)));
  MetadataSink& metadata = target->metadata();
  CDC_RETURN_IF_ERROR(
      metadata.Connect(std::chrono::seconds(spec.target.ConnectTimeoutSeconds()), {}).status());
  std::vector<std::string> missing;
  for (const ReplicatedCollection& known : progress.collections) {
    if (!known.on_target) {
      continue;
    }
    CDC_ASSIGN_OR_RETURN(const std::optional<TargetCollection> found,
                         metadata.catalog()->DescribeCollection(known.target, {}));
    if (found) {
      return OkStatus();
    }
    missing.push_back(known.target.ToString());
  }
  if (missing.empty()) {
    return OkStatus();  // nothing is lost
  }
  return InvalidArgumentError(
      "the target has none of the task's collections, e.g. " + missing.front() +
      ", so it is another Milvus than before: bring the old one back, or create a new task with "
      "start_from earliest or snapshot and delete this one");
}

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
  CDC_ASSIGN_OR_RETURN(const MetaStore::Progress progress, StoreOf(spec)->LoadProgress(spec.id));
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
  CDC_ASSIGN_OR_RETURN(MetaStore::Progress progress, StoreOf(spec)->LoadProgress(spec.id));
  const Scope scope(spec);
  TaskEditor editor({.catalog = catalog.get(),
                     .log = options_.log,
                     .scope = &scope,
                     .can_copy = spec.stop_at == Timestamp{} &&
                                 SnapshotSourceOf(options_, spec.snapshot.from) != nullptr,
                     .copy_setting = SnapshotSettingOf(spec.snapshot.from),
                     .can_filter = options_.queries != nullptr,
                     .ignore_partition = spec.target.ignore_partition,
                     .present = present,
                     .now_unix_ms = options_.clock->UnixMs()},
                    &progress);
  CDC_RETURN_IF_ERROR(editor.Apply(changes));
  CDC_RETURN_IF_ERROR(CheckSelections(spec, *catalog, changes));
  return StoreOf(spec)->ReplaceProgress(spec.id, progress);
}

Result<std::vector<ScopeNote>> RealReplicator::Reposition(
    const TaskSpec& spec, const std::map<CollectionName, GivenPositions>& places, bool force) {
  std::map<CollectionId, GivenPositions> by_id;
  for (const auto& [name, given] : places) {
    const Result<CollectionId> id = FindCollection(spec, name);
    if (id.status().code() == StatusCode::kNotFound) {
      return InvalidArgumentError("positions are given for " + name.ToString() +
                                  ", which the source does not have or the task does not cover: "
                                  "leave them out");
    }
    CDC_RETURN_IF_ERROR(id.status());
    by_id[*id] = given;
  }
  CDC_RETURN_IF_ERROR(FollowFinishedCopies(spec));
  return RepositionTask(IsDryRun(spec) ? dry_options_ : options_, spec, by_id, force);
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

}  // namespace

std::unique_ptr<Replicator> NewReplicator(ReplicatorOptions options) {
  return std::make_unique<RealReplicator>(std::move(options));
}

}  // namespace cdc
