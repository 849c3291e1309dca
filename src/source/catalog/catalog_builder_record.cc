#include "source/catalog/catalog_builder_record.h"

#include <algorithm>
#include <utility>

#include "milvus_meta.pb.h"

namespace cdc {
namespace {

constexpr const char* kDynamicField = "$meta";

template <class Message>
bool Parse(std::string_view value, Message* message) {
  return message->ParseFromArray(value.data(), static_cast<int>(value.size()));
}

Status Malformed(const char* what) { return DataLossError(std::string("not a ") + what); }

// 0 means "from before there were databases".
DatabaseId OrDefault(int64_t id) { return id == 0 ? kDefaultDatabaseId : DatabaseId{id}; }

ObjectState FromState(int state) {
  switch (state) {
    case meta::CollectionCreated: return ObjectState::kCreated;
    case meta::CollectionCreating: return ObjectState::kCreating;
    case meta::CollectionDropping: return ObjectState::kDropping;
    default: return ObjectState::kDropped;
  }
}
// FromState handles both enums.
static_assert(int{meta::CollectionDropping} == int{meta::PartitionDropping});
static_assert(int{meta::CollectionCreating} == int{meta::PartitionCreating});

template <class Pairs>
std::vector<KeyValue> ToKeyValues(const Pairs& pairs) {
  std::vector<KeyValue> out;
  out.reserve(static_cast<size_t>(pairs.size()));
  for (const auto& pair : pairs) {
    out.push_back({.key = pair.key(), .value = pair.value()});
  }
  return out;
}

FieldRecord ToField(const meta::FieldSchema& in) {
  FieldRecord record;
  Field& field = record.field;
  field.id = FieldId{in.fieldid()};
  field.name = in.name();
  field.description = in.description();
  field.type = static_cast<DataType>(in.data_type());
  field.element_type = static_cast<DataType>(in.element_type());
  field.type_params = ToKeyValues(in.type_params());
  field.default_value = in.default_value();
  field.is_primary_key = in.is_primary_key();
  field.auto_id = in.autoid();
  field.is_partition_key = in.is_partition_key();
  field.is_clustering_key = in.is_clustering_key();
  field.is_dynamic = in.is_dynamic() || in.name() == kDynamicField;
  field.nullable = in.nullable();
  field.is_function_output = in.is_function_output();
  record.visible = in.state() != meta::FieldCreating && in.state() != meta::FieldDropped;
  return record;
}

FieldRecord ToField(const meta::StructArrayFieldSchema& in) {
  FieldRecord record;
  record.field.id = FieldId{in.fieldid()};
  record.field.name = in.name();
  record.field.description = in.description();
  record.field.type = DataType::kArrayOfStruct;
  return record;
}

std::vector<Partition> InlinePartitions(const meta::CollectionInfo& info) {
  std::vector<Partition> out;
  const int count = std::min(info.partitionids_size(), info.partitionnames_size());
  for (int i = 0; i < count; ++i) {
    Partition partition;
    partition.id = PartitionId{info.partitionids(i)};
    partition.name = info.partitionnames(i);
    if (i < info.partition_created_timestamps_size()) {
      partition.created = Timestamp{info.partition_created_timestamps(i)};
    }
    out.push_back(std::move(partition));
  }
  return out;
}

constexpr std::string_view kMetricType = "metric_type";

std::vector<KeyValue> IndexParams(const meta::IndexInfo& info) {
  if (!info.user_index_params().empty()) {
    return ToKeyValues(info.user_index_params());
  }
  std::vector<KeyValue> params = ToKeyValues(info.index_params());
  const bool is_scalar = std::none_of(
      params.begin(), params.end(), [](const KeyValue& param) { return param.key == kMetricType; });
  if (is_scalar && !info.is_auto_index()) {
    // The user gave no type; the one in index_params was chosen by the source (STL_SORT, Trie),
    // which does not show it either.
    return {};
  }
  if (!info.is_auto_index()) {
    return params;  // of an older version, without user_index_params
  }
  // index_params holds what the source has chosen itself; the user only gave a metric.
  std::vector<KeyValue> asked = {{.key = "index_type", .value = "AUTOINDEX"}};
  for (KeyValue& param : params) {
    if (param.key == kMetricType) {
      asked.push_back(std::move(param));
    }
  }
  return asked;
}

}  // namespace

Result<DatabaseRecord> DecodeDatabase(DatabaseId id, std::string_view value) {
  meta::DatabaseInfo info;
  if (!Parse(value, &info) || info.name().empty() || OrDefault(info.id()) != OrDefault(id.value)) {
    return Malformed("DatabaseInfo");
  }
  DatabaseRecord record;
  record.database = {.id = OrDefault(id.value),
                     .name = info.name(),
                     .properties = ToKeyValues(info.properties()),
                     .created_ns = info.created_time()};
  record.visible = info.state() == meta::DatabaseCreated || info.state() == meta::DatabaseUnknown;
  return record;
}

Result<CollectionRecord> DecodeCollection(CollectionId id,
                                          DatabaseId database,
                                          std::string_view value) {
  meta::CollectionInfo info;
  if (!Parse(value, &info) || info.id() != id.value || info.schema().name().empty()) {
    return Malformed("CollectionInfo");
  }
  CollectionRecord record;
  Collection& collection = record.collection;
  collection.id = id;
  collection.database = OrDefault(info.db_id() != 0 ? info.db_id() : database.value);
  collection.name = info.schema().name();
  collection.schema.description = info.schema().description();
  collection.schema.enable_dynamic_field = info.schema().enable_dynamic_field();
  collection.created = Timestamp{info.create_time()};
  collection.vchannels.assign(info.virtual_channel_names().begin(),
                              info.virtual_channel_names().end());
  collection.pchannels.assign(info.physical_channel_names().begin(),
                              info.physical_channel_names().end());
  if (collection.vchannels.size() != collection.pchannels.size()) {
    return Malformed("CollectionInfo: its channel lists differ in length");
  }
  const int channels = static_cast<int>(collection.vchannels.size());
  collection.shards = info.shards_num() > 0 ? info.shards_num() : channels;
  collection.consistency_level = info.consistency_level();
  for (const auto& start : info.start_positions()) {
    collection.start_positions[start.key()] = MsgId{start.data()};
  }
  collection.properties = ToKeyValues(info.properties());
  collection.state = FromState(info.state());
  record.auto_id = info.schema().autoid();
  for (const auto& field : info.schema().fields()) {
    record.fields.push_back(ToField(field));
  }
  for (const auto& field : info.schema().struct_array_fields()) {
    record.fields.push_back(ToField(field));
  }
  record.partitions = InlinePartitions(info);
  record.functions.assign(info.schema().functions().begin(), info.schema().functions().end());
  return record;
}

Result<Partition> DecodePartition(PartitionId id, std::string_view value) {
  meta::PartitionInfo info;
  if (!Parse(value, &info) || info.partitionid() != id.value || info.partitionname().empty()) {
    return Malformed("PartitionInfo");
  }
  return Partition{.id = id,
                   .name = info.partitionname(),
                   .created = Timestamp{info.partition_created_timestamp()},
                   .state = FromState(info.state())};
}

Result<FieldRecord> DecodeField(FieldId id, std::string_view value) {
  meta::FieldSchema field;
  if (!Parse(value, &field) || field.fieldid() != id.value || field.name().empty()) {
    return Malformed("FieldSchema");
  }
  return ToField(field);
}

Result<FieldRecord> DecodeStructField(FieldId id, std::string_view value) {
  meta::StructArrayFieldSchema field;
  if (!Parse(value, &field) || field.fieldid() != id.value || field.name().empty()) {
    return Malformed("StructArrayFieldSchema");
  }
  return ToField(field);
}

Result<std::string> DecodeFunction(std::string_view value) {
  meta::FunctionSchema function;
  if (!Parse(value, &function) || function.name().empty()) {
    return Malformed("FunctionSchema");
  }
  return std::string(value);
}

Result<AliasRecord> DecodeAlias(std::string_view name, std::string_view value) {
  meta::AliasInfo info;
  if (!Parse(value, &info) || info.collection_id() == 0) {
    return Malformed("AliasInfo");
  }
  return AliasRecord{.alias = std::string(name),
                     .collection = CollectionId{info.collection_id()},
                     .visible = info.state() == meta::AliasCreated};
}

Result<AliasRecord> DecodeOldestAlias(std::string_view name, std::string_view value) {
  meta::CollectionInfo info;
  if (!Parse(value, &info) || info.id() == 0) {
    return Malformed("CollectionInfo");
  }
  return AliasRecord{.alias = std::string(name), .collection = CollectionId{info.id()}};
}

Result<IndexRecord> DecodeIndex(IndexId id, std::string_view value) {
  meta::FieldIndex field_index;
  if (!Parse(value, &field_index) || field_index.index_info().indexid() != id.value) {
    return Malformed("FieldIndex");
  }
  const meta::IndexInfo& info = field_index.index_info();
  return IndexRecord{.index = {.id = id,
                               .field = FieldId{info.fieldid()},
                               .name = info.index_name(),
                               .params = IndexParams(info)},
                     .visible = !field_index.deleted()};
}

Result<LoadRecord> DecodeCollectionLoad(std::string_view value) {
  meta::CollectionLoadInfo info;
  if (!Parse(value, &info) || info.collectionid() == 0) {
    return Malformed("CollectionLoadInfo");
  }
  return LoadRecord{.replicas = std::max(1, info.replica_number()),
                    .whole_collection = info.load_type() == meta::LoadTypeCollection};
}

Status DecodePartitionLoad(PartitionId id, std::string_view value) {
  meta::PartitionLoadInfo info;
  if (!Parse(value, &info) || info.partitionid() != id.value) {
    return Malformed("PartitionLoadInfo");
  }
  return OkStatus();
}

}  // namespace cdc
