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
// Milvus 2.3 and later: what ShowPartitions finds not loaded in between.
constexpr char kPartitionNotLoaded[] = "(code 201)";

template <class Request>
Request RequestFor(const CollectionName& name) {
  Request request;
  request.set_db_name(name.database);
  request.set_collection_name(name.collection);
  return request;
}

template <class Strings>
std::vector<std::string> ToVector(const Strings& strings) {
  return {strings.begin(), strings.end()};
}

// Marked as deprecated, but the only call that gives the load state of all partitions at once.
void AskForThoseInMemory(pb::ShowPartitionsRequest* request) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  request->set_type(pb::InMemory);
#pragma GCC diagnostic pop
}

Result<std::string> GetVersion(MilvusChannel* channel, std::chrono::milliseconds timeout) {
  pb::GetVersionResponse response;
  CDC_RETURN_IF_ERROR(
      CallMilvus(channel, "GetVersion", "", pb::GetVersionRequest(), &response, timeout));
  return response.version();
}

}  // namespace

Result<std::string> MetadataReader::Connect(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  pb::ConnectRequest request;
  request.mutable_client_info()->set_sdk_type("milvus-cdc");
  pb::ConnectResponse response;
  const Status connected = CallMilvus(channel_, "Connect", "", request, &response, timeout);
  std::string version = response.server_info().build_tags();
  if (!connected.ok() && connected.code() != StatusCode::kUnimplemented) {
    return connected;
  }
  // Old servers have no Connect; Milvus Lite answers it without a number.
  if (!connected.ok() || version.empty() || version == kLiteVersion) {
    const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    CDC_ASSIGN_OR_RETURN(version,
                         GetVersion(channel_, std::max(rest, std::chrono::milliseconds(1))));
  }
  is_lite_ = version.starts_with(kLiteVersion);
  return version;
}

Result<std::vector<std::string>> MetadataReader::ListDatabases() {
  pb::ListDatabasesResponse response;
  CDC_RETURN_IF_ERROR(
      CallMilvus(channel_, "ListDatabases", "", pb::ListDatabasesRequest(), &response, timeout_));
  return ToVector(response.db_names());
}

Result<std::vector<std::string>> MetadataReader::ListCollections(const std::string& database) {
  pb::ShowCollectionsRequest request;
  request.set_db_name(database);
  pb::ShowCollectionsResponse response;
  CDC_RETURN_IF_ERROR(
      CallMilvus(channel_, "ShowCollections", database, request, &response, timeout_));
  return ToVector(response.collection_names());
}

Result<std::vector<std::string>> MetadataReader::ListPartitions(const CollectionName& name) {
  pb::ShowPartitionsResponse response;
  CDC_RETURN_IF_ERROR(CallMilvus(channel_, "ShowPartitions", name.database,
                                 RequestFor<pb::ShowPartitionsRequest>(name), &response, timeout_));
  return ToVector(response.partition_names());
}

Result<std::vector<TargetIndex>> MetadataReader::ListIndexes(const CollectionName& name) {
  pb::DescribeIndexResponse response;
  const Status status = CallMilvus(channel_, "DescribeIndex", name.database,
                                   RequestFor<pb::DescribeIndexRequest>(name), &response, timeout_);
  if (status.code() == StatusCode::kNotFound) {
    return std::vector<TargetIndex>();  // no index at all
  }
  CDC_RETURN_IF_ERROR(status);
  std::vector<TargetIndex> indexes;
  for (const pb::IndexDescription& description : response.index_descriptions()) {
    // Milvus Lite answers the field's name instead of the one that was given.
    TargetIndex index{description.field_name(), is_lite_ ? "" : description.index_name(), {}};
    for (const common::KeyValuePair& param : description.params()) {
      index.params.push_back({param.key(), param.value()});
    }
    indexes.push_back(std::move(index));
  }
  return indexes;
}

Result<std::optional<TargetCollection>> MetadataReader::Describe(const CollectionName& name) {
  pb::DescribeCollectionResponse response;
  const Status status =
      CallMilvus(channel_, "DescribeCollection", name.database,
                 RequestFor<pb::DescribeCollectionRequest>(name), &response, timeout_);
  if (status.code() == StatusCode::kNotFound) {
    return std::optional<TargetCollection>();
  }
  CDC_RETURN_IF_ERROR(status);
  const std::string& own_name = response.schema().name();
  if (!own_name.empty() && own_name != name.collection) {
    return std::optional<TargetCollection>();  // the name is an alias of another one
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

// Milvus Lite does not tell them with the collection.
Result<std::vector<std::string>> MetadataReader::ListAliases(const CollectionName& name) {
  pb::ListAliasesResponse response;
  CDC_RETURN_IF_ERROR(CallMilvus(channel_, "ListAliases", name.database,
                                 RequestFor<pb::ListAliasesRequest>(name), &response, timeout_));
  return ToVector(response.aliases());
}

Status MetadataReader::DescribePartitions(const CollectionName& name, TargetCollection* out) {
  pb::ShowPartitionsResponse response;
  CDC_RETURN_IF_ERROR(CallMilvus(channel_, "ShowPartitions", name.database,
                                 RequestFor<pb::ShowPartitionsRequest>(name), &response, timeout_));
  out->partitions = ToVector(response.partition_names());
  if (out->schema.HasPartitionKey() || out->partitions.empty()) {
    return OkStatus();
  }
  // It is the oldest, and cannot be dropped; ids only grow. Milvus Lite tells none, and has but one
  // name for it.
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

// How often it is loaded, as far as the target tells.
int MetadataReader::CountReplicas(const CollectionName& name) {
  pb::GetReplicasRequest request;
  request.set_db_name(name.database);
  request.set_collection_name(name.collection);
  pb::GetReplicasResponse response;
  const Status status =
      CallMilvus(channel_, "GetReplicas", name.database, request, &response, timeout_);
  return status.ok() ? response.replicas_size() : 0;
}

Status MetadataReader::DescribeLoad(const CollectionName& name, TargetCollection* out) {
  out->loads_partitions = !is_lite_;
  if (out->indexes.empty()) {
    return OkStatus();
  }
  pb::GetLoadStateResponse state;
  CDC_RETURN_IF_ERROR(CallMilvus(channel_, "GetLoadState", name.database,
                                 RequestFor<pb::GetLoadStateRequest>(name), &state, timeout_));
  if (state.state() != common::LoadStateLoaded && state.state() != common::LoadStateLoading) {
    return OkStatus();
  }
  // In memory: those that are loaded or loading (a percentage of 0 is loading, too). Milvus Lite
  // gives all, and loads all.
  auto request = RequestFor<pb::ShowPartitionsRequest>(name);
  AskForThoseInMemory(&request);
  pb::ShowPartitionsResponse response;
  const Status status =
      CallMilvus(channel_, "ShowPartitions", name.database, request, &response, timeout_);
  if (!status.ok() && status.message().ends_with(kPartitionNotLoaded)) {
    return OkStatus();  // released since
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
