// Writes the binary seeds: make_corpus <folder> fills
// <folder>/{log_message,wal_message,row_event,catalog,position,segment}/.
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "decode/testing/vectors.h"
#include "decode/testing/vectors_2_6_8.h"
#include "events/collection_state.h"
#include "events/stream_progress.h"
#include "fuzz.h"
#include "metastore/msg_id_list.h"
#include "metastore/task_spec_json.h"
#include "milvus_meta.pb.h"
#include "msg.pb.h"
#include "schema.pb.h"
#include "source/kafka/kafka_log_offset.h"
#include "source/pulsar/pulsar_id.h"
#include "source/rocksmq/rocksmq_log_key.h"
#include "source/snapshot/testing/log_file_writer.h"
#include "source/snapshot/testing/milvus_files.h"

namespace cdc {
namespace {

namespace pb = ::milvus::proto;

constexpr int kRows = 3;
constexpr int kDim = 8;
constexpr uint64_t kTime = 470642937143492611;

// Writes one file a call.
class Folder {
 public:
  explicit Folder(std::filesystem::path path) : path_(std::move(path)) {
    std::filesystem::create_directories(path_);
  }

  void Add(const std::string& name, std::string_view bytes) {
    std::ofstream file(path_ / name, std::ios::binary);
    file.exceptions(std::ios::badbit | std::ios::failbit);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

 private:
  std::filesystem::path path_;
};

std::string Join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) {
    text += (text.empty() ? "" : std::string(fuzz::kSeparator)) + part;
  }
  return text;
}

// ---- records of the log

pb::msg::InsertRequest EmptyInsert() {
  pb::msg::InsertRequest insert;
  insert.mutable_base()->set_msg_type(pb::common::Insert);
  insert.mutable_base()->set_msgid(77);
  insert.mutable_base()->set_timestamp(kTime);
  insert.set_shardname("by-dev-rootcoord-dml_0_5v0");
  insert.set_collectionid(5);
  insert.set_partitionid(6);
  insert.set_partition_name("_default");
  insert.set_num_rows(kRows);
  insert.set_version(pb::msg::ColumnBased);
  for (int row = 0; row < kRows; ++row) {
    insert.add_timestamps(kTime);
    insert.add_rowids(row);
  }
  return insert;
}

pb::schema::FieldData* AddField(pb::msg::InsertRequest* insert,
                                const std::string& name,
                                pb::schema::DataType type) {
  auto* field = insert->add_fields_data();
  field->set_field_name(name);
  field->set_type(type);
  field->set_field_id(99 + insert->fields_data_size());
  return field;
}

void AddScalars(pb::msg::InsertRequest* insert) {
  auto* keys = AddField(insert, "id", pb::schema::Int64)->mutable_scalars();
  auto* bools = AddField(insert, "bool", pb::schema::Bool)->mutable_scalars();
  auto* small = AddField(insert, "int8", pb::schema::Int8)->mutable_scalars();
  auto* floats = AddField(insert, "float", pb::schema::Float)->mutable_scalars();
  auto* doubles = AddField(insert, "double", pb::schema::Double)->mutable_scalars();
  auto* text = AddField(insert, "varchar", pb::schema::VarChar)->mutable_scalars();
  auto* json = AddField(insert, "json", pb::schema::JSON)->mutable_scalars();
  auto* arrays = AddField(insert, "array", pb::schema::Array)->mutable_scalars();
  arrays->mutable_array_data()->set_element_type(pb::schema::Int64);
  for (int row = 0; row < kRows; ++row) {
    keys->mutable_long_data()->add_data(row);
    bools->mutable_bool_data()->add_data(row % 2 == 0);
    small->mutable_int_data()->add_data(-row);
    floats->mutable_float_data()->add_data(0.5F * static_cast<float>(row));
    doubles->mutable_double_data()->add_data(0.25 * row);
    text->mutable_string_data()->add_data(std::string(static_cast<size_t>(row), 'x'));
    json->mutable_json_data()->add_data("{\"a\": 1}");
    arrays->mutable_array_data()->add_data()->mutable_long_data()->add_data(row);
  }
}

void AddVectors(pb::msg::InsertRequest* insert) {
  const auto add = [insert](const std::string& name, pb::schema::DataType type) {
    auto* vectors = AddField(insert, name, type)->mutable_vectors();
    vectors->set_dim(kDim);
    return vectors;
  };
  const auto raw = [](size_t size) { return std::string(size, 'v'); };
  auto* floats = add("floats", pb::schema::FloatVector)->mutable_float_vector();
  for (int i = 0; i < kRows * kDim; ++i) {
    floats->add_data(static_cast<float>(i));
  }
  add("binary", pb::schema::BinaryVector)->set_binary_vector(raw(kRows * kDim / 8));
  add("half", pb::schema::Float16Vector)->set_float16_vector(raw(kRows * kDim * 2));
  add("brain", pb::schema::BFloat16Vector)->set_bfloat16_vector(raw(kRows * kDim * 2));
  add("bytes", pb::schema::Int8Vector)->set_int8_vector(raw(kRows * kDim));
  auto* sparse = add("sparse", pb::schema::SparseFloatVector)->mutable_sparse_float_vector();
  sparse->set_dim(kDim);
  for (int row = 0; row < kRows; ++row) {
    sparse->add_contents(raw(8));
  }
}

std::string NullableInsert() {
  pb::msg::InsertRequest insert = EmptyInsert();
  AddScalars(&insert);
  AddVectors(&insert);
  for (auto& field : *insert.mutable_fields_data()) {
    for (int row = 0; field.field_id() > 100 && row < kRows; ++row) {
      field.add_valid_data(row != 1);
    }
  }
  return insert.SerializeAsString();
}

std::string TextDelete() {
  pb::msg::DeleteRequest request;
  request.mutable_base()->set_msg_type(pb::common::Delete);
  request.mutable_base()->set_timestamp(kTime);
  request.set_shardname("by-dev-rootcoord-dml_0_5v0");
  request.set_collectionid(5);
  request.set_partitionid(-1);
  request.set_num_rows(2);
  for (const char* key : {"a", "\"b\\"}) {
    request.mutable_primary_keys()->mutable_str_id()->add_data(key);
    request.add_timestamps(kTime);
  }
  return request.SerializeAsString();
}

std::string LegacyDelete() {
  pb::msg::DeleteRequest request;
  request.mutable_base()->set_msg_type(pb::common::Delete);
  request.set_shardname("by-dev-rootcoord-dml_0_5v0");
  for (const int64_t key : {1, -2}) {
    request.add_int64_primary_keys(key);
    request.add_timestamps(kTime);
  }
  return request.SerializeAsString();
}

// A broadcast that names a collection.
template <class Request>
std::string Broadcast(pb::common::MsgType type) {
  Request request;
  request.mutable_base()->set_msg_type(type);
  request.mutable_base()->set_timestamp(kTime);
  request.set_collectionid(5);
  return request.SerializeAsString();
}

void WriteLogMessages(Folder folder) {
  folder.Add("tick", FromHex(kTickHex));
  folder.Add("tick_replicated", FromHex(kReplicatedTickHex));
  folder.Add("create_collection", FromHex(kCreateCollectionHex));
  folder.Add("insert", FromHex(kInsertHex));
  folder.Add("delete", FromHex(kDeleteHex));
  folder.Add("create_index", FromHex(kCreateIndexHex));
  folder.Add("flush", FromHex(kFlushHex));
  folder.Add("load_replicated", FromHex(kReplicatedLoadHex));
  folder.Add("drop_collection",
             Broadcast<pb::msg::DropCollectionRequest>(pb::common::DropCollection));
  folder.Add("drop_partition", Broadcast<pb::msg::DropPartitionRequest>(pb::common::DropPartition));
  folder.Add("delete_texts", TextDelete());
  folder.Add("delete_legacy", LegacyDelete());
  pb::msg::InsertRequest insert = EmptyInsert();
  AddScalars(&insert);
  folder.Add("insert_scalars", insert.SerializeAsString());
  AddVectors(&insert);
  folder.Add("insert_all_types", insert.SerializeAsString());
  folder.Add("insert_nulls", NullableInsert());
  folder.Add("upsert",
             Join({FromHex(kUpsertInsertHex), FromHex(kUpsertDeleteHex), FromHex(kTickHex)}));
  folder.Add("inserts_together", Join({FromHex(kInsertHex), insert.SerializeAsString(),
                                       FromHex(kUpsertInsertHex), NullableInsert()}));
}

// ---- records of the write-ahead log

std::string WalRecord(const milvus_2_6_8::Vector& vector) {
  std::string record;
  for (const WalPropertyName& each : kWalPropertyNames) {
    if (const std::string& text = vector.properties.*each.property; !text.empty()) {
      record += std::string(each.name) + "=" + text + "\n";
    }
  }
  return record + "\n" + FromHex(vector.value);
}

milvus_2_6_8::Vector OfType(const milvus_2_6_8::Vector& vector,
                            const std::string& type,
                            const std::string& header) {
  milvus_2_6_8::Vector other = vector;
  other.properties.type = type;
  other.properties.header = header;
  return other;
}

void WriteWalMessages(Folder folder) {
  namespace v26 = milvus_2_6_8;
  const std::vector<std::string> transaction = {WalRecord(v26::kBegin),
                                                WalRecord(v26::kInsertOfTransaction),
                                                WalRecord(v26::kDeleteOfTransaction)};
  const auto then = [&transaction](const std::vector<std::string>& end) {
    std::vector<std::string> records = transaction;
    records.insert(records.end(), end.begin(), end.end());
    return Join(records);
  };
  folder.Add("rows", Join({WalRecord(v26::kFirstTick), WalRecord(v26::kInsert),
                           WalRecord(v26::kDelete), WalRecord(v26::kSecondTick)}));
  folder.Add("collection", Join({WalRecord(v26::kCreateCollection), WalRecord(v26::kCreateSegment),
                                 WalRecord(v26::kAlterCollection), WalRecord(v26::kDropCollection),
                                 WalRecord(v26::kLastTick)}));
  folder.Add("transaction", then({WalRecord(v26::kCommit), WalRecord(v26::kSecondTick)}));
  folder.Add("transaction_back",
             then({WalRecord(OfType(v26::kCommit, "902", "")), WalRecord(v26::kSecondTick)}));
  folder.Add("transaction_open", then({WalRecord(v26::kSecondTick)}));
  folder.Add("transaction_cut_off",
             Join({transaction[1], transaction[2], WalRecord(v26::kCommit)}));
  v26::Vector encrypted = v26::kInsert;
  encrypted.properties.cipher = "CAE=";
  folder.Add("encrypted", WalRecord(encrypted));
  folder.Add("truncate", WalRecord(OfType(v26::kCreateSegment, "38", "CAEQBxoCCAk=")));
  folder.Add("alter_wal", WalRecord(OfType(v26::kCreateSegment, "700", "CAI=")));
  folder.Add("unknown_type", WalRecord(OfType(v26::kCreateSegment, "47", "")));
}

// ---- row events

// A column of one row, as the head of row_event_fuzz.cc describes it.
std::string RawColumn(DataType type,
                      DataType element,
                      ColumnKind kind,
                      int form,
                      int dim,
                      const google::protobuf::Message& body) {
  std::string text = "!";
  for (const int byte : {static_cast<int>(type), static_cast<int>(element), static_cast<int>(kind),
                         form, dim, 1, 0}) {
    text += static_cast<char>(byte);
  }
  return text + body.SerializeAsString();
}

std::string State() {
  TargetCollection collection;
  Field key;
  key.id = {100};
  key.name = "id";
  key.type = DataType::kInt64;
  key.is_primary_key = true;
  key.default_value = std::string("\x18\x07", 2);
  key.type_params = {{"dim", "8"}};
  collection.schema.fields = {key};
  collection.schema.functions = {"f"};
  collection.partitions = {"_default"};
  collection.properties = {{"k", "v"}};
  collection.aliases = {"a"};
  collection.indexes = {{.field = "id", .name = "i", .params = {{"index_type", "INVERTED"}}}};
  return EncodeCollectionState(collection);
}

void WriteRowEvents(Folder folder) {
  folder.Add("insert", FromHex(kInsertHex));
  folder.Add("delete", FromHex(kDeleteHex));
  folder.Add("delete_texts", TextDelete());
  folder.Add("insert_nulls", NullableInsert());
  folder.Add("state", State());
  folder.Add("progress", EncodeProgress({.channel = "c",
                                         .position = EncodeRocksmqId(1),
                                         .ts = {kTime},
                                         .applied = {EncodeRocksmqId(2)}}));
  folder.Add("state_key", EncodeStateKey({"db", "c"}));
  const auto scalar = [&folder](const char* name, DataType type, int form,
                                const google::protobuf::Message& body) {
    folder.Add(name, RawColumn(type, DataType::kNone, ColumnKind::kScalarArray, form, 0, body));
  };
  pb::schema::LongArray number;
  number.add_data(1'715'000'889'123'456);
  scalar("time", DataType::kTimestamptz, 11, number);
  pb::schema::StringArray text;
  text.add_data("POINT (1 2)");
  scalar("geometry", DataType::kGeometry, 12, text);
  for (const auto& [element, values] :
       {std::pair{DataType::kVarChar, "\x32\x05\x0a\x03\x61\x22\xff"},
        {DataType::kFloat, "\x22\x06\x0a\x04\x7f\xff\xff\xff"},
        {DataType::kInt8, "\x12\x04\x0a\x02\x7f\x01"}}) {
    pb::schema::BytesArray array;  // of ScalarFields
    array.add_data(values);
    folder.Add("array_of_" + std::to_string(static_cast<int>(element)),
               RawColumn(DataType::kArray, element, ColumnKind::kScalarArray, 8, 0, array));
  }
  pb::schema::FloatArray floats;
  floats.add_data(0.3F);
  floats.add_data(-0.0F);
  folder.Add("vector", RawColumn(DataType::kFloatVector, DataType::kNone, ColumnKind::kVectorArray,
                                 2, 2, floats));
  pb::schema::ValueField value;
  value.set_double_data(0.1);
  scalar("default", DataType::kDouble, 5, value);
}

// ---- etcd

std::string Put(const std::string& key, const google::protobuf::Message& value) {
  return "+" + key + "=" + value.SerializeAsString();
}

meta::CollectionInfo Info(int64_t id, const std::string& name) {
  meta::CollectionInfo info;
  info.set_id(id);
  info.mutable_schema()->set_name(name);
  info.set_create_time(kTime);
  info.set_shards_num(1);
  info.add_virtual_channel_names("by-dev-rootcoord-dml_0_7v0");
  info.add_physical_channel_names("by-dev-rootcoord-dml_0");
  auto* start = info.add_start_positions();
  start->set_key("by-dev-rootcoord-dml_0");
  start->set_data(EncodeRocksmqId(1).bytes);
  info.set_db_id(1);
  return info;
}

meta::FieldSchema FieldOf(int64_t id, const std::string& name, int type) {
  meta::FieldSchema field;
  field.set_fieldid(id);
  field.set_name(name);
  field.set_data_type(type);
  field.set_is_primary_key(id == 100);
  auto* param = field.add_type_params();
  param->set_key("dim");
  param->set_value("8");
  return field;
}

std::string PutField(int64_t id, const std::string& name, int type) {
  return Put("root-coord/fields/7/" + std::to_string(id), FieldOf(id, name, type));
}

std::vector<std::string> Created() {
  meta::DatabaseInfo database;
  database.set_id(1);
  database.set_name("default");
  database.set_created_time(kTime);
  meta::PartitionInfo partition;
  partition.set_partitionid(70);
  partition.set_partitionname("_default");
  partition.set_collection_id(7);
  return {Put("root-coord/database/db-info/1", database),
          PutField(0, "RowID", 5),
          PutField(100, "pk", 5),
          PutField(101, "v", 101),
          Put("root-coord/partitions/7/70", partition),
          Put("root-coord/database/collection-info/1/7", Info(7, "seven"))};
}

std::string OldCollection() {
  meta::CollectionInfo info = Info(7, "old");
  *info.mutable_schema()->add_fields() = FieldOf(100, "pk", 5);
  info.add_partitionids(70);
  info.add_partitionnames("_default");
  return Put("root-coord/collection/7", info);
}

std::string IndexOf7() {
  meta::FieldIndex index;
  auto* info = index.mutable_index_info();
  info->set_collectionid(7);
  info->set_indexid(700);
  info->set_fieldid(101);
  info->set_index_name("idx");
  for (const auto& [key, value] : {std::pair{"index_type", "HNSW"},
                                   {"metric_type", "L2"},
                                   {"params", "{\"M\":8,\"efConstruction\":64}"}}) {
    auto* param = info->add_user_index_params();
    param->set_key(key);
    param->set_value(value);
  }
  return Put("field-index/7/700", index);
}

std::vector<std::string> Loads() {
  meta::CollectionLoadInfo load;
  load.set_collectionid(7);
  load.set_replica_number(2);
  load.set_load_type(meta::LoadTypePartition);
  meta::PartitionLoadInfo partition;
  partition.set_collectionid(7);
  partition.set_partitionid(70);
  return {Put("querycoord-collection-loadinfo/7", load),
          Put("querycoord-partition-loadinfo/7/70", partition)};
}

std::vector<std::string> Extras() {
  meta::AliasInfo alias;
  alias.set_alias_name("a");
  alias.set_collection_id(7);
  meta::FunctionSchema function;
  function.set_name("bm25");
  function.set_id(100);
  meta::FieldSchema field = FieldOf(102, "text", 21);
  field.set_default_value("\x32\x01x");
  field.set_nullable(true);
  return {Put("root-coord/database/aliases/1/a", alias), Put("root-coord/aliases/b", alias),
          Put("root-coord/collection-alias/c", Info(7, "x")),
          Put("root-coord/functions/7/100", function), Put("root-coord/fields/7/102", field)};
}

std::vector<std::string> And(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

void WriteCatalog(Folder folder) {
  constexpr const char* kCollection = "root-coord/database/collection-info/1/7";
  meta::CollectionInfo dropping = Info(7, "seven");
  dropping.set_state(meta::CollectionDropping);
  folder.Add("created", Join(Created()));
  folder.Add("old_style", Join(And({OldCollection(), "!"}, Created())));
  folder.Add("index_and_load", Join(And(Created(), And({IndexOf7()}, Loads()))));
  folder.Add("extras", Join(And(Created(), Extras())));
  meta::StructArrayFieldSchema clips;
  clips.set_fieldid(103);
  clips.set_name("clips");
  *clips.add_fields() = FieldOf(104, "embedding", 106);
  folder.Add("structs", Join(And(Created(), {Put("root-coord/struct-array-fields/7/103", clips)})));
  folder.Add("relisted", Join(And(Created(), {"!", "-root-coord/fields/7/101", "~", "!"})));
  folder.Add("tombstone",
             Join(And(Created(), {std::string("+") + kCollection + "=\xE2\x9B\xBC", "!"})));
  folder.Add(
      "dropped",
      Join(And(Created(), {"!", Put(kCollection, dropping), "-root-coord/fields/7/100",
                           "-root-coord/partitions/7/70", "!", std::string("-") + kCollection})));
  pb::schema::CollectionSchema schema;
  schema.set_name("target");
  schema.set_enable_dynamic_field(true);
  auto* field = schema.add_fields();
  field->set_fieldid(100);
  field->set_name("pk");
  field->set_data_type(pb::schema::Int64);
  field->set_is_primary_key(true);
  field->mutable_default_value()->set_long_data(5);
  schema.add_functions()->set_name("bm25");
  folder.Add("target_schema", "?" + schema.SerializeAsString());
}

// ---- positions

void WritePositions(Folder folder) {
  TaskSpec spec;
  spec.id = "t1";
  spec.target.uri = "http://10.0.0.2:19530";
  spec.target.token = "root:s3cr3t-";
  spec.collection_infos = {{.name = "*", .positions = {}, .use_start_position = true}};
  spec.db_collections["db"] = {
      {.name = "c", .positions = {{"dml_0_7v0", "CgA="}}, .use_start_position = false}};
  spec.exclude = {"db.t_*"};
  spec.left_to_older = {{"db.c?", {{"db.cc", {}}}}};
  folder.Add("rocksmq_key", "470643311880437761");
  folder.Add("rocksmq_id", EncodeRocksmqId(470643311880437761).bytes);
  folder.Add("kafka_offset", EncodeKafkaOffset(500).bytes);
  folder.Add("pulsar_id", EncodePulsarId({.ledger = 300, .entry = 7, .batch_index = 1}).bytes);
  folder.Add("applied", EncodeMsgIds({EncodeKafkaOffset(7), {}, MsgId{"abc"}}));
  folder.Add("task", EncodeTaskSpec(spec));
}

// ---- segments

void WriteSegments(Folder folder) {
  folder.Add("vectors", FromHex(kVectorLog));
  folder.Add("times", FromHex(kTimeLog));
  folder.Add("keys", FromHex(kKeyLog));
  folder.Add("deletes", FromHex(kDeleteLog));
  folder.Add("number_entry", R"({"pk":1,"ts":470731292081651714,"pkType":5})");
  folder.Add("text_entry", R"({"pk":"k\u003c1","ts":470731292081651714,"pkType":21})");
  meta::FieldBinlog logs;
  logs.set_fieldid(100);
  meta::Binlog* log = logs.add_binlogs();
  log->set_entries_num(4);
  log->set_logid(7);
  folder.Add("logs", logs.SerializeAsString());
  meta::SegmentInfo segment;
  segment.set_id(3);
  segment.set_collectionid(1);
  segment.set_partitionid(2);
  segment.set_insert_channel("v0");
  segment.add_compactionfrom(5);
  *segment.add_binlogs() = logs;
  segment.mutable_dml_position()->set_msgid("m");
  segment.mutable_dml_position()->set_timestamp(kTime);
  folder.Add("segment", segment.SerializeAsString());
  folder.Add("place", segment.dml_position().SerializeAsString());
}

}  // namespace
}  // namespace cdc

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_corpus <folder>\n");
    return 2;
  }
  try {
    const std::filesystem::path root = argv[1];
    cdc::WriteLogMessages(cdc::Folder(root / "log_message"));
    cdc::WriteWalMessages(cdc::Folder(root / "wal_message"));
    cdc::WriteRowEvents(cdc::Folder(root / "row_event"));
    cdc::WriteCatalog(cdc::Folder(root / "catalog"));
    cdc::WritePositions(cdc::Folder(root / "position"));
    cdc::WriteSegments(cdc::Folder(root / "segment"));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
