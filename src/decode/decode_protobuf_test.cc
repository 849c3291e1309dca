// Compares the decoder with libprotobuf on messages it serialized: whole, truncated and damaged.
#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "decode/decode.h"
#include "decode/testing/vectors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "msg.pb.h"
#include "schema.pb.h"
#include "wire/wire_writer.h"

namespace cdc {
namespace {

namespace proto = milvus::proto;

constexpr int kRows = 3;
constexpr int kDim = 8;

proto::schema::FieldData* AddField(proto::msg::InsertRequest* insert,
                                   const std::string& name,
                                   proto::schema::DataType type) {
  auto* field = insert->add_fields_data();
  field->set_field_name(name);
  field->set_type(type);
  field->set_field_id(100 + insert->fields_data_size());
  return field;
}

void AddScalars(proto::msg::InsertRequest* insert) {
  auto* bools = AddField(insert, "bool", proto::schema::Bool)->mutable_scalars();
  auto* small = AddField(insert, "int8", proto::schema::Int8)->mutable_scalars();
  auto* large = AddField(insert, "int64", proto::schema::Int64)->mutable_scalars();
  auto* floats = AddField(insert, "float", proto::schema::Float)->mutable_scalars();
  auto* doubles = AddField(insert, "double", proto::schema::Double)->mutable_scalars();
  auto* text = AddField(insert, "varchar", proto::schema::VarChar)->mutable_scalars();
  auto* arrays = AddField(insert, "array", proto::schema::Array)->mutable_scalars();
  auto* json = AddField(insert, "json", proto::schema::JSON)->mutable_scalars();
  auto* shapes = AddField(insert, "geometry", proto::schema::Geometry)->mutable_scalars();
  auto* bytes = AddField(insert, "bytes", proto::schema::String)->mutable_scalars();
  arrays->mutable_array_data()->set_element_type(proto::schema::Int64);
  for (int row = 0; row < kRows; ++row) {
    bools->mutable_bool_data()->add_data(row % 2 == 0);
    small->mutable_int_data()->add_data(row == 0 ? -128 : row);
    large->mutable_long_data()->add_data(row == 0 ? INT64_MIN : INT64_MAX - row);
    floats->mutable_float_data()->add_data(0.5F * static_cast<float>(row));
    doubles->mutable_double_data()->add_data(0.25 * row);
    text->mutable_string_data()->add_data(row == 0 ? "" : std::string(200, 'x'));
    auto* array = arrays->mutable_array_data()->add_data();
    for (int i = 0; i < row; ++i) {
      array->mutable_long_data()->add_data(i);
    }
    json->mutable_json_data()->add_data("{\"a\": 1}");
    shapes->mutable_geometry_data()->add_data("wkb");
    bytes->mutable_bytes_data()->add_data("b");
  }
}

void AddVectors(proto::msg::InsertRequest* insert) {
  const auto add = [insert](const std::string& name, proto::schema::DataType type) {
    auto* vectors = AddField(insert, name, type)->mutable_vectors();
    vectors->set_dim(kDim);
    return vectors;
  };
  auto* floats = add("float_vector", proto::schema::FloatVector)->mutable_float_vector();
  for (int i = 0; i < kRows * kDim; ++i) {
    floats->add_data(static_cast<float>(i));
  }
  const auto raw = [](size_t size) { return std::string(size, 'v'); };
  add("binary", proto::schema::BinaryVector)->set_binary_vector(raw(kRows * kDim / 8));
  add("half", proto::schema::Float16Vector)->set_float16_vector(raw(kRows * kDim * 2));
  add("bfloat", proto::schema::BFloat16Vector)->set_bfloat16_vector(raw(kRows * kDim * 2));
  add("int8_vector", proto::schema::Int8Vector)->set_int8_vector(raw(kRows * kDim));
  auto* sparse = add("sparse", proto::schema::SparseFloatVector)->mutable_sparse_float_vector();
  sparse->set_dim(kDim);
  for (int row = 0; row < kRows; ++row) {
    sparse->add_contents(raw(static_cast<size_t>(8 * row)));
  }
}

proto::msg::InsertRequest MakeInsert() {
  proto::msg::InsertRequest insert;
  insert.mutable_base()->set_msg_type(proto::common::Insert);
  insert.mutable_base()->set_msgid(77);
  (*insert.mutable_base()->mutable_properties())["traceparent"] = "00-1-2-00";
  insert.set_shardname("by-dev-rootcoord-dml_0_5v0");
  insert.set_collectionid(5);
  insert.set_partitionid(6);
  insert.set_partition_name("p");
  insert.set_num_rows(kRows);
  insert.set_version(proto::msg::ColumnBased);
  for (int row = 0; row < kRows; ++row) {
    insert.add_timestamps(1000U + static_cast<uint64_t>(row));
    insert.add_rowids(row);
  }
  AddScalars(&insert);
  AddVectors(&insert);
  auto* nullable = AddField(&insert, "nullable", proto::schema::Int32);
  for (int row = 0; row < kRows; ++row) {
    nullable->mutable_scalars()->mutable_int_data()->add_data(0);
    nullable->add_valid_data(row != 1);
  }
  auto* dynamic = AddField(&insert, "$meta", proto::schema::JSON);
  dynamic->set_is_dynamic(true);
  for (int row = 0; row < kRows; ++row) {
    dynamic->mutable_scalars()->mutable_json_data()->add_data("{}");
  }
  return insert;
}

// The FieldData to send to a target, built from the column as model/message.h describes.
std::string Rebuild(const Column& column) {
  std::string data;
  if (column.dim != 0) {
    wire::AppendVarintField(1, static_cast<uint64_t>(column.dim), &data);
  }
  wire::AppendBytesField(column.oneof_field, column.body, &data);
  std::string text;
  wire::AppendVarintField(1, static_cast<uint64_t>(column.type), &text);
  wire::AppendBytesField(2, column.name, &text);
  wire::AppendBytesField(column.kind == ColumnKind::kScalarArray ? 3 : 4, data, &text);
  wire::AppendVarintField(5, static_cast<uint64_t>(column.field.value), &text);
  if (column.is_dynamic) {
    wire::AppendVarintField(6, 1, &text);
  }
  if (!column.valid_data.empty()) {
    wire::AppendBytesField(7, column.valid_data, &text);
  }
  return text;
}

TEST(DecodeAgainstProtobuf, EveryColumnKindSurvivesTheRoundTrip) {
  const proto::msg::InsertRequest insert = MakeInsert();
  const auto message = DecodeMessage({}, Payload::Own(insert.SerializeAsString()));
  ASSERT_TRUE(message.ok()) << message.status().ToString();
  EXPECT_EQ((*message)->rows, static_cast<uint32_t>(kRows));
  EXPECT_EQ((*message)->ts.value, 1002U);
  EXPECT_EQ((*message)->row_times, "\xe8\x07\xe9\x07\xea\x07");  // 1000, 1001, 1002
  EXPECT_EQ((*message)->message_id, 77);
  EXPECT_EQ((*message)->collection, CollectionId{5});
  EXPECT_EQ((*message)->partition, PartitionId{6});
  ASSERT_EQ((*message)->columns.size(), static_cast<size_t>(insert.fields_data_size()));
  for (int i = 0; i < insert.fields_data_size(); ++i) {
    const Column& column = (*message)->columns[static_cast<size_t>(i)];
    EXPECT_EQ(Rebuild(column), insert.fields_data(i).SerializeAsString()) << column.name;
  }
}

TEST(DecodeAgainstProtobuf, KindsOfVectors) {
  const auto message = DecodeMessage({}, Payload::Own(MakeInsert().SerializeAsString()));
  ASSERT_TRUE(message.ok());
  for (const Column& column : (*message)->columns) {
    const bool raw =
        column.type == DataType::kBinaryVector || column.type == DataType::kFloat16Vector ||
        column.type == DataType::kBFloat16Vector || column.type == DataType::kInt8Vector;
    const bool array =
        column.type == DataType::kFloatVector || column.type == DataType::kSparseFloatVector;
    EXPECT_EQ(column.kind, raw     ? ColumnKind::kVectorBytes
                           : array ? ColumnKind::kVectorArray
                                   : ColumnKind::kScalarArray)
        << column.name;
  }
}

TEST(DecodeAgainstProtobuf, DeletesByNumberAndByText) {
  proto::msg::DeleteRequest erase;
  erase.mutable_base()->set_msg_type(proto::common::Delete);
  erase.set_shardname("c_1v0");
  erase.set_partitionid(-1);
  erase.set_num_rows(2);
  erase.add_timestamps(3);
  erase.add_timestamps(4);
  auto* numbers = erase.mutable_primary_keys()->mutable_int_id();
  numbers->add_data(-5);
  numbers->add_data(5);
  const auto by_number = DecodeMessage({}, Payload::Own(erase.SerializeAsString()));
  ASSERT_TRUE(by_number.ok()) << by_number.status().ToString();
  EXPECT_EQ((*by_number)->keys.body, numbers->SerializeAsString());
  EXPECT_EQ((*by_number)->partition, kAllPartitions);

  auto* texts = erase.mutable_primary_keys()->mutable_str_id();
  texts->add_data("a");
  texts->add_data("");
  const auto by_text = DecodeMessage({}, Payload::Own(erase.SerializeAsString()));
  ASSERT_TRUE(by_text.ok()) << by_text.status().ToString();
  EXPECT_TRUE((*by_text)->keys.is_string);
  EXPECT_EQ((*by_text)->keys.body, texts->SerializeAsString());
}

// Records of every type, small enough to be truncated at every byte.
std::vector<std::string> Corpus() {
  std::vector<std::string> records = {MakeInsert().SerializeAsString()};
  for (const auto hex : {kTickHex, kCreateCollectionHex, kInsertHex, kDeleteHex, kUpsertInsertHex,
                         kUpsertDeleteHex, kFlushHex}) {
    records.push_back(FromHex(hex));
  }
  return records;
}

// A message must be as its contract promises, and its views must point into what it keeps alive:
// reading them all under ASan finds a view that does not.
void ExpectErrorOrWellFormed(const std::string& record) {
  auto decoded = DecodeMessage({}, Payload::Own(record));
  if (!decoded.ok()) {
    ASSERT_EQ(decoded.status().code(), StatusCode::kDataLoss);
    return;
  }
  const MessagePtr message = *std::move(decoded);
  uint64_t sum = 0;
  const auto read = [&sum](std::string_view view) {
    for (const char c : view) {
      sum += static_cast<unsigned char>(c);
    }
  };
  read(message->vchannel);
  read(message->partition_name);
  read(message->keys.body);
  for (const Column& column : message->columns) {
    read(column.name);
    read(column.body);
    read(column.valid_data);
    ASSERT_TRUE(column.valid_data.empty() || column.valid_data.size() == message->rows);
  }
  ASSERT_TRUE(sum > 0 || message->type != MessageType::kInsert);
}

TEST(DecodeDamaged, CutAtEveryByte) {
  for (const std::string& record : Corpus()) {
    for (size_t size = 0; size < record.size(); ++size) {
      ExpectErrorOrWellFormed(record.substr(0, size));
    }
  }
}

TEST(DecodeDamaged, FlippedBits) {
  std::minstd_rand random(20240501);
  for (const std::string& record : Corpus()) {
    for (int round = 0; round < 4000; ++round) {
      std::string damaged = record;
      for (auto flips = random() % 3 + 1; flips > 0; --flips) {
        damaged[random() % damaged.size()] ^= static_cast<char>(1U << (random() % 8));
      }
      ExpectErrorOrWellFormed(damaged);
    }
  }
}

TEST(DecodeDamaged, ArbitraryBytes) {
  std::minstd_rand random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes(random() % 40, '\0');
    std::generate(bytes.begin(), bytes.end(), [&random] { return static_cast<char>(random()); });
    ExpectErrorOrWellFormed(bytes);
  }
}

}  // namespace
}  // namespace cdc
