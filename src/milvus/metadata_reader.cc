#include "milvus/metadata_reader.h"

#include <algorithm>
#include <utility>

#include "milvus.pb.h"
#include "milvus/milvus_call.h"
#include "milvus/schema_proto.h"

namespace cdc {
namespace {

namespace common = ::milvus::proto::common;
namespace pb = ::milvus::proto::milvus;

constexpr char kLiteVersion[] = "milvus_lite";
constexpr char kDefaultPartition[] = "_default";
// Milvus 2.3 and later: ShowPartitions found a partition that had been released meanwhile.
constexpr char kPartitionNotLoadedCode[] = "(code 201)";

template <class Strings>
std::vector<std::string> ToVector(const Strings& strings) {
  return {strings.begin(), strings.end()};
}

// Deprecated, but the only call that returns the load state of all partitions at once.
void AskForThoseInMemory(pb::ShowPartitionsRequest* request) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  request->set_type(pb::InMemory);
#pragma GCC diagnostic pop
}

}  // namespace

Result<MilvusVersion> GreetMilvus(const MilvusCalls& calls, const Clock& clock) {
  // Up to two calls share the timeout.
  const auto deadline = clock.Now() + calls.timeout;
  pb::ConnectRequest request;
  request.mutable_client_info()->set_sdk_type("milvus-cdc");
  pb::ConnectResponse response;
  const Status connected = CallMilvus(calls, "Connect", "", request, &response);
  std::string version = response.server_info().build_tags();
  if (!connected.ok() && connected.code() != StatusCode::kUnimplemented) {
    return connected;
  }
  // Old servers have no Connect, and Milvus Lite answers it without a version number.
  if (!connected.ok() || version.empty() || version == kLiteVersion) {
    MilvusCalls rest = calls;
    rest.timeout =
        std::max(std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock.Now()),
                 std::chrono::milliseconds(1));
    pb::GetVersionResponse number;
    CDC_RETURN_IF_ERROR(CallMilvus(rest, "GetVersion", "", pb::GetVersionRequest(), &number));
    version = number.version();
  }
  const bool is_lite = version.starts_with(kLiteVersion);
  return MilvusVersion{std::move(version), is_lite};
}

Result<std::vector<std::string>> MetadataReader::ListDatabases() const {
  pb::ListDatabasesResponse response;
  CDC_RETURN_IF_ERROR(
      CallMilvus(calls_, "ListDatabases", "", pb::ListDatabasesRequest(), &response));
  return ToVector(response.db_names());
}

Result<std::vector<std::string>> MetadataReader::ListPartitions(const CollectionName& name) const {
  pb::ShowPartitionsResponse response;
  CDC_RETURN_IF_ERROR(CallMilvus(calls_, "ShowPartitions", name.database,
                                 RequestFor<pb::ShowPartitionsRequest>(name), &response));
  return ToVector(response.partition_names());
}

Result<std::vector<TargetIndex>> MetadataReader::ListIndexes(const CollectionName& name) const {
  pb::DescribeIndexResponse response;
  const Status status = CallMilvus(calls_, "DescribeIndex", name.database,
                                   RequestFor<pb::DescribeIndexRequest>(name), &response);
  if (status.code() == StatusCode::kNotFound) {
    return std::vector<TargetIndex>();  // no index at all
  }
  CDC_RETURN_IF_ERROR(status);
  std::vector<TargetIndex> indexes;
  for (const pb::IndexDescription& description : response.index_descriptions()) {
    // Milvus Lite returns the field's name instead of the index's.
    TargetIndex index{description.field_name(), is_lite_ ? "" : description.index_name(), {}};
    for (const common::KeyValuePair& param : description.params()) {
      index.params.push_back({param.key(), param.value()});
    }
    indexes.push_back(std::move(index));
  }
  return indexes;
}

Result<std::optional<TargetCollection>> MetadataReader::Describe(const CollectionName& name) const {
  pb::DescribeCollectionResponse response;
  const Status status = CallMilvus(calls_, "DescribeCollection", name.database,
                                   RequestFor<pb::DescribeCollectionRequest>(name), &response);
  if (status.code() == StatusCode::kNotFound) {
    return std::optional<TargetCollection>();
  }
  CDC_RETURN_IF_ERROR(status);
  const std::string& own_name = response.schema().name();
  if (!own_name.empty() && own_name != name.collection) {
    // Milvus resolves aliases: this is the description of another collection.
    return std::optional<TargetCollection>();
  }
  TargetCollection collection;
  if (response.collectionid() != 0 && response.created_timestamp() != 0) {
    collection.identity = std::to_string(response.collectionid()) + "@" +
                          std::to_string(response.created_timestamp());
  }
  collection.schema = SchemaFromProto(response.schema());
  collection.shards = std::max(1, response.shards_num());
  for (const common::KeyValuePair& property : response.properties()) {
    collection.properties.push_back({property.key(), property.value()});
  }
  collection.aliases = ToVector(response.aliases());
  if (is_lite_) {
    CDC_ASSIGN_OR_RETURN(collection.aliases, ListAliases(name));
  }
  std::sort(collection.aliases.begin(), collection.aliases.end());
  CDC_RETURN_IF_ERROR(DescribePartitions(name, &collection));
  CDC_ASSIGN_OR_RETURN(collection.indexes, ListIndexes(name));
  CDC_RETURN_IF_ERROR(DescribeLoad(name, &collection));
  return std::optional(std::move(collection));
}

// Milvus Lite does not return aliases with the collection.
Result<std::vector<std::string>> MetadataReader::ListAliases(const CollectionName& name) const {
  pb::ListAliasesResponse response;
  CDC_RETURN_IF_ERROR(CallMilvus(calls_, "ListAliases", name.database,
                                 RequestFor<pb::ListAliasesRequest>(name), &response));
  return ToVector(response.aliases());
}

Status MetadataReader::DescribePartitions(const CollectionName& name, TargetCollection* out) const {
  pb::ShowPartitionsResponse response;
  CDC_RETURN_IF_ERROR(CallMilvus(calls_, "ShowPartitions", name.database,
                                 RequestFor<pb::ShowPartitionsRequest>(name), &response));
  out->partitions = ToVector(response.partition_names());
  if (out->schema.HasPartitionKey() || out->partitions.empty()) {
    return OkStatus();
  }
  // The default partition may have any name, but it is the oldest, since it cannot be dropped, and
  // ids only grow. Milvus Lite reports no ids and always names it `_default`.
  const auto& ids = response.partitionids();
  if (ids.size() == response.partition_names_size()) {
    const auto oldest = std::min_element(ids.begin(), ids.end()) - ids.begin();
    out->default_partition = out->partitions[static_cast<size_t>(oldest)];
  } else if (std::find(out->partitions.begin(), out->partitions.end(), kDefaultPartition) !=
             out->partitions.end()) {
    out->default_partition = kDefaultPartition;
  }
  return OkStatus();
}

// The number of loaded replicas; 0 if the target does not report it.
int MetadataReader::CountReplicas(const CollectionName& name) const {
  pb::GetReplicasRequest request;
  request.set_db_name(name.database);
  request.set_collection_name(name.collection);
  pb::GetReplicasResponse response;
  const Status status = CallMilvus(calls_, "GetReplicas", name.database, request, &response);
  return status.ok() ? response.replicas_size() : 0;
}

Status MetadataReader::DescribeLoad(const CollectionName& name, TargetCollection* out) const {
  out->loads_partitions = !is_lite_;
  if (out->indexes.empty()) {
    return OkStatus();
  }
  pb::GetLoadStateResponse state;
  CDC_RETURN_IF_ERROR(CallMilvus(calls_, "GetLoadState", name.database,
                                 RequestFor<pb::GetLoadStateRequest>(name), &state));
  if (state.state() != common::LoadStateLoaded && state.state() != common::LoadStateLoading) {
    return OkStatus();
  }
  // "In memory" are the partitions that are loaded or loading (even at 0 percent). Milvus Lite
  // returns all of them, and loads all of them.
  auto request = RequestFor<pb::ShowPartitionsRequest>(name);
  AskForThoseInMemory(&request);
  pb::ShowPartitionsResponse response;
  const Status status = CallMilvus(calls_, "ShowPartitions", name.database, request, &response);
  if (!status.ok() && status.message().ends_with(kPartitionNotLoadedCode)) {
    return OkStatus();  // released in the meantime
  }
  CDC_RETURN_IF_ERROR(status);
  out->loaded_partitions.insert(response.partition_names().begin(),
                                response.partition_names().end());
  out->loaded = !out->loaded_partitions.empty();
  if (out->loaded && !is_lite_) {
    out->replicas = CountReplicas(name);
  }
  return OkStatus();
}

}  // namespace cdc
