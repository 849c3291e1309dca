#include "source/snapshot/milvus_snapshots.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "base/thread.h"
#include "source/snapshot/deleted_keys_cache.h"
#include "source/snapshot/log_file.h"
#include "source/snapshot/segment_catalog.h"
#include "source/snapshot/snapshot_plan.h"
#include "source/snapshot/snapshot_reader.h"

namespace cdc {
namespace {

// A change that is half written is complete within milliseconds.
constexpr int kPlans = 5;
constexpr std::chrono::milliseconds kPause{200};

class Snapshot final : public CollectionSnapshot {
 public:
  Snapshot(Storage* storage, SnapshotPlan plan)
      : storage_(storage),
        plan_(std::move(plan)),
        key_plan_(KeysOf(plan_)),
        deletes_(storage, plan_.collection) {
    for (const ChannelSnapshot& channel : plan_.channels) {
      Shard& shard = shards_[channel.vchannel];
      shard.takeover = {.position = channel.takeover.position, .ts = channel.takeover.time};
      for (const ChannelPart& part : PartsOf(channel)) {
        shard.parts.push_back({.id = part.id, .rows = part.rows, .bytes = part.bytes});
        parts_[{channel.vchannel, part.id}] = {&channel, part};
      }
    }
  }

  const std::map<std::string, Shard>& shards() const override { return shards_; }

  std::unique_ptr<SnapshotRows> Read(const std::string& vchannel, int64_t part) const override {
    const auto& [channel, place] = parts_.at({vchannel, part});
    return std::make_unique<SnapshotReader>(storage_, &plan_, channel, place, &deletes_);
  }

  std::unique_ptr<SnapshotRows> ReadKeys(const std::string& vchannel, int64_t part) const override {
    const auto& [channel, place] = parts_.at({vchannel, part});
    return std::make_unique<SnapshotReader>(storage_, &key_plan_, channel, place, &deletes_);
  }

 private:
  static SnapshotPlan KeysOf(SnapshotPlan plan) {
    plan.channels.clear();  // readers are given those of the plan
    std::erase_if(plan.columns, [](const Field& field) { return !field.is_primary_key; });
    return plan;
  }

  Storage* const storage_;
  const SnapshotPlan plan_;
  const SnapshotPlan key_plan_;
  mutable DeletedKeysCache deletes_;
  std::map<std::string, Shard> shards_;
  std::map<std::pair<std::string, int64_t>, std::pair<const ChannelSnapshot*, ChannelPart>> parts_;
};

class MilvusSnapshots final : public SnapshotSource {
 public:
  MilvusSnapshots(std::unique_ptr<EtcdClient> etcd, std::string meta_root, StorageOpener open)
      : etcd_(std::move(etcd)), meta_root_(std::move(meta_root)), open_(std::move(open)) {}

  Result<std::unique_ptr<CollectionSnapshot>> Plan(const Collection& collection,
                                                   const std::map<std::string, Takeover>& takeover,
                                                   const CopySelection& selection,
                                                   const std::stop_token& stop) override {
    CDC_CHECK(selection.filter.empty());  // files are read without understanding expressions
    std::map<std::string, LogPlace> fixed;
    for (const auto& [vchannel, place] : takeover) {
      fixed[vchannel] = {.position = place.position, .time = place.ts};
    }
    Status unclear;
    for (int i = 0; i < kPlans && !stop.stop_requested(); ++i) {
      CDC_ASSIGN_OR_RETURN(const SegmentCatalog catalog,
                           ReadSegmentCatalog(*etcd_, meta_root_, collection, stop));
      Result<SnapshotPlan> plan = PlanSnapshot(collection, catalog, fixed, selection.partitions);
      if (plan.ok() && takeover.empty() && plan->importing) {
        plan = Status(StatusCode::kAborted,
                      "a bulk import into the collection is going on, whose rows would be missed: "
                      "wait for its end and try again");
      }
      Storage* storage = nullptr;  // a source that has never written a file may have none
      if (plan.ok() && HasSegments(*plan)) {
        CDC_ASSIGN_OR_RETURN(storage, OpenedStorage());
      }
      unclear = !plan.ok()           ? plan.status()
                : storage != nullptr ? CheckStorage(*storage->Until(stop), *plan)
                                     : OkStatus();
      if (unclear.ok()) {
        return std::unique_ptr<CollectionSnapshot>(
            std::make_unique<Snapshot>(storage, *std::move(plan)));
      }
      if (!IsRetryable(unclear) && unclear.code() != StatusCode::kNotFound) {
        return unclear;
      }
      Pause(kPause, stop);
    }
    // A compaction may remove a file just when it was listed, but not each time. In the middle of a
    // copy the storage has been the right one, and may be so again.
    return unclear.code() == StatusCode::kNotFound && takeover.empty()
               ? FailedPreconditionError(unclear.message() +
                                         ": is this the storage of the source whose etcd is read?")
               : unclear;
  }

 private:
  static bool HasSegments(const SnapshotPlan& plan) {
    return std::any_of(plan.channels.begin(), plan.channels.end(),
                       [](const ChannelSnapshot& channel) { return !channel.segments.empty(); });
  }

  Result<Storage*> OpenedStorage() {
    MutexLock lock(mutex_);
    if (storage_ == nullptr) {
      CDC_ASSIGN_OR_RETURN(storage_, open_());
    }
    return storage_.get();
  }

  // One file of the rows and one of the deletes must be where they are said to be.
  static Status CheckStorage(Storage& storage, const SnapshotPlan& plan) {
    std::optional<std::string> rows;
    std::optional<std::string> deletes;
    for (const ChannelSnapshot& channel : plan.channels) {
      for (const Segment& segment : channel.segments) {
        for (const auto& [field, files] : segment.insert_logs) {
          if (!rows.has_value() && !files.empty()) {
            rows = InsertLogPath(plan.collection, segment, field, files.front().id);
          }
        }
      }
      for (const Segment& segment : channel.deletes) {
        if (!deletes.has_value() && !segment.delete_logs.empty()) {
          deletes = DeleteLogFolder(plan.collection, segment) + "/" +
                    std::to_string(segment.delete_logs.front().id);
        }
      }
    }
    for (const std::optional<std::string>& path : {rows, deletes}) {
      if (path.has_value()) {
        CDC_RETURN_IF_ERROR(storage.Open(*path).status());
      }
    }
    return OkStatus();
  }

  const std::unique_ptr<EtcdClient> etcd_;
  const std::string meta_root_;
  const StorageOpener open_;
  Mutex mutex_;
  std::unique_ptr<Storage> storage_ CDC_GUARDED_BY(mutex_);  // stays once it is open
};

}  // namespace

Result<std::unique_ptr<SnapshotSource>> NewMilvusSnapshots(const MilvusSnapshotsOptions& options,
                                                           StorageOpener open) {
  CDC_ASSIGN_OR_RETURN(std::unique_ptr<EtcdClient> etcd, NewEtcdClient(options.etcd));
  return std::unique_ptr<SnapshotSource>(std::make_unique<MilvusSnapshots>(
      std::move(etcd), options.root_path + "/" + options.meta_sub_path + "/", std::move(open)));
}

}  // namespace cdc
