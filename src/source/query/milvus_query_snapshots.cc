#include "source/query/milvus_query_snapshots.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "milvus.pb.h"
#include "milvus/credentials.h"
#include "milvus/endpoint.h"
#include "milvus/milvus_call.h"
#include "milvus/milvus_channel.h"
#include "milvus/milvus_pulse.h"
#include "milvus/query.h"
#include "source/checkpoint/channel_checkpoint.h"
#include "source/query/page_encoder.h"
#include "source/query/page_reader.h"

namespace cdc {
namespace {

constexpr char kSection[] = "sourceConfig.milvus";

std::map<std::string, Timestamp> TimesOf(const std::map<std::string, Takeover>& takeover) {
  std::map<std::string, Timestamp> times;
  for (const auto& [vchannel, place] : takeover) {
    times[vchannel] = place.ts;
  }
  return times;
}

class Snapshot final : public CollectionSnapshot {
 public:
  Snapshot(MilvusChannel* channel,
           CatalogSource* catalog,
           RowQuery query,
           const Collection& collection,
           const std::map<std::string, Takeover>& takeover,
           std::shared_ptr<const PageEncoder> encoder,
           std::vector<QueryPart> parts,
           std::vector<Part> listed)
      : channel_(channel),
        catalog_(catalog),
        query_(std::move(query)),
        parts_(std::move(parts)),
        encoder_(std::move(encoder)),
        key_encoder_(std::make_shared<PageEncoder>(
            collection, TimesOf(takeover), PageEncoder::Content::kKeys)) {
    for (const std::string& vchannel : collection.vchannels) {
      shards_[vchannel].takeover = takeover.at(vchannel);
    }
    shards_[collection.vchannels.front()].parts = std::move(listed);
  }

  const std::map<std::string, Shard>& shards() const override { return shards_; }

  std::unique_ptr<SnapshotRows> Read(const std::string& /*vchannel*/, int64_t part) const override {
    const auto found = std::ranges::find(parts_, part, &QueryPart::id);
    CDC_CHECK(found != parts_.end());
    return std::make_unique<PageReader>(channel_, query_, encoder_, *found);
  }

  std::unique_ptr<SnapshotRows> ReadKeys(const std::string& /*vchannel*/,
                                         int64_t part) const override {
    const auto found = std::ranges::find(parts_, part, &QueryPart::id);
    CDC_CHECK(found != parts_.end());
    return std::make_unique<PageReader>(channel_, query_, key_encoder_, *found);
  }

  Result<Timestamp> SeenUntil(const std::stop_token& stop) const override {
    return catalog_->Present(stop);
  }

 private:
  MilvusChannel* const channel_;
  CatalogSource* const catalog_;
  const RowQuery query_;
  const std::vector<QueryPart> parts_;
  const std::shared_ptr<const PageEncoder> encoder_;
  const std::shared_ptr<const PageEncoder> key_encoder_;
  std::map<std::string, Shard> shards_;
};

// A partition that is being dropped has no rows any more.
std::vector<QueryPart> PartsOf(const Collection& collection, const CopySelection& selection) {
  std::vector<QueryPart> parts;
  if (collection.schema.HasPartitionKey()) {
    parts.push_back({.id = collection.id.value, .partition = std::nullopt});
    return parts;
  }
  for (const Partition& partition : collection.partitions) {
    if (partition.state == ObjectState::kCreated && selection.HasPartition(partition.name)) {
      parts.push_back({.id = partition.id.value, .partition = partition});
    }
  }
  return parts;
}

// Roughly, for the progress shown.
int64_t RowBytes(const Schema& schema) {
  constexpr int64_t kText = 32;
  int64_t bytes = 0;
  for (const Field& field : schema.fields) {
    const auto dim = std::ranges::find(field.type_params, "dim", &KeyValue::key);
    const int64_t dims = dim == field.type_params.end() ? 0 : std::atoll(dim->value.c_str());
    bytes += field.type == DataType::kFloatVector ? dims * 4 : dims > 0 ? dims * 2 : kText;
  }
  return bytes;
}

class MilvusQuerySnapshots final : public SnapshotSource {
 public:
  MilvusQuerySnapshots(MilvusQueryOptions options,
                       CatalogSource* catalog,
                       std::unique_ptr<EtcdClient> etcd)
      : options_(std::move(options)), catalog_(catalog), etcd_(std::move(etcd)) {}

  Result<std::unique_ptr<CollectionSnapshot>> Plan(const Collection& collection,
                                                   const std::map<std::string, Takeover>& takeover,
                                                   const CopySelection& selection,
                                                   const std::stop_token& stop) override {
    CDC_ASSIGN_OR_RETURN(MilvusChannel* const channel, Connected());
    const MilvusCalls calls{.channel = channel, .timeout = options_.connect_timeout, .stop = stop};
    CDC_RETURN_IF_ERROR(
        CheckIdentity(calls).WithContext(std::string("the source's Milvus (") + kSection + ")"));
    std::map<std::string, Takeover> planned = takeover;
    if (takeover.empty()) {
      CDC_ASSIGN_OR_RETURN(planned, PlanTakeover(collection, stop));
    }
    RowQuery query{
        .collection = collection.id,
        .name = {catalog_->Current()->DatabaseName(collection.database), collection.name},
        .at_least = {},
        .filter = selection.filter,
        .page_timeout = options_.query_timeout,
        .page_bytes = options_.page_bytes};
    for (const std::string& vchannel : collection.vchannels) {
      const auto place = planned.find(vchannel);
      if (place == planned.end()) {
        return InternalError("the takeover lacks channel " + vchannel);
      }
      query.at_least = std::max(query.at_least, place->second.ts);
    }
    const std::vector<QueryPart> parts = PartsOf(collection, selection);
    const auto encoder = std::make_shared<const PageEncoder>(collection, TimesOf(planned));
    // By itself: what is accepted only between other words would change their meaning.
    const bool filtered = !query.filter.empty();
    Result<std::vector<CollectionSnapshot::Part>> listed =
        CountRows(calls, query, collection, parts, filtered ? query.filter : encoder->all_rows());
    if (!listed.ok()) {
      return filtered ? FromFilterQuery(listed.status(), query) : FromQuery(listed.status(), query);
    }
    return std::unique_ptr<CollectionSnapshot>(
        std::make_unique<Snapshot>(channel, catalog_, std::move(query), collection, planned,
                                   encoder, parts, *std::move(listed)));
  }

 private:
  // The channel connects by itself, so it stays once its parameters make sense.
  Result<MilvusChannel*> Connected() {
    MutexLock lock(mutex_);
    if (channel_ == nullptr) {
      const auto endpoint = ParseEndpoint(options_.uri);
      CDC_RETURN_IF_ERROR(endpoint.status().WithContext(std::string(kSection) + ".address"));
      const auto credentials = ReadCredentials(options_.token, options_.tls);
      CDC_RETURN_IF_ERROR(credentials.status().WithContext(kSection));
      channel_ = std::make_unique<MilvusChannel>(*endpoint, *credentials);
    }
    return channel_.get();
  }

  Status CheckIdentity(const MilvusCalls& calls) {
    CDC_ASSIGN_OR_RETURN(const std::string found, ReadMilvusIdentity(calls));
    const std::string expected = catalog_->Current()->Identity();
    if (!expected.empty() && !found.empty() && found != expected) {
      return FailedPreconditionError(
          calls.channel->address() +
          " is another Milvus than the one whose etcd is read (sourceConfig.etcd): its database "
          "default was created at " +
          found + " instead of " + expected);
    }
    return OkStatus();
  }

  Result<std::map<std::string, Takeover>> PlanTakeover(const Collection& collection,
                                                       const std::stop_token& stop) {
    const std::string root = options_.root_path + "/" + options_.meta_sub_path + "/";
    CDC_ASSIGN_OR_RETURN(const auto places, ReadChannelCheckpoints(*etcd_, root, collection, stop));
    std::map<std::string, Takeover> takeover;
    for (const auto& [vchannel, place] : places) {
      takeover[vchannel] = {.position = place.position, .ts = place.time};
    }
    return takeover;
  }

  // Also finds out whether each part can be queried at all.
  Result<std::vector<CollectionSnapshot::Part>> CountRows(const MilvusCalls& calls,
                                                          const RowQuery& query,
                                                          const Collection& collection,
                                                          const std::vector<QueryPart>& parts,
                                                          const std::string& expression) {
    MilvusCalls patient = calls;
    patient.timeout = query.page_timeout;
    std::vector<CollectionSnapshot::Part> listed;
    for (const QueryPart& part : parts) {
      MilvusQuery count{.collection = query.name,
                        .expression = expression,
                        .fields = {"count(*)"},
                        .partitions = {},
                        .limit = 0,
                        .guarantee = query.at_least.value};
      if (part.partition.has_value()) {
        count.partitions.push_back(part.partition->name);
      }
      ::milvus::proto::milvus::QueryResults results;
      CDC_RETURN_IF_ERROR(QueryMilvus(patient, count, &results));
      const bool has_count = results.fields_data_size() == 1 &&
                             results.fields_data(0).scalars().long_data().data_size() == 1;
      if (!has_count) {
        return DataLossError("the answer to count(*) is no number");
      }
      const int64_t rows = results.fields_data(0).scalars().long_data().data(0);
      listed.push_back({.id = part.id, .rows = rows, .bytes = rows * RowBytes(collection.schema)});
    }
    return listed;
  }

  const MilvusQueryOptions options_;
  CatalogSource* const catalog_;
  const std::unique_ptr<EtcdClient> etcd_;
  Mutex mutex_;
  std::unique_ptr<MilvusChannel> channel_ CDC_GUARDED_BY(mutex_);
};

}  // namespace

Result<std::unique_ptr<SnapshotSource>> NewMilvusQuerySnapshots(const MilvusQueryOptions& options,
                                                                CatalogSource* catalog) {
  CDC_ASSIGN_OR_RETURN(std::unique_ptr<EtcdClient> etcd, NewEtcdClient(options.etcd));
  return std::unique_ptr<SnapshotSource>(
      std::make_unique<MilvusQuerySnapshots>(options, catalog, std::move(etcd)));
}

}  // namespace cdc
