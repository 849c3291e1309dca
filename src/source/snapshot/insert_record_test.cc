#include "source/snapshot/insert_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "msg.pb.h"
#include "source/snapshot/testing/log_file_writer.h"

namespace cdc {
namespace {

using testing::ElementsAre;
namespace pb = milvus::proto;

Field MakeField(int64_t id, DataType type, int dim = 0) {
  Field field{.id = FieldId{id}, .name = "f" + std::to_string(id), .type = type};
  if (dim != 0) {
    field.type_params = {{.key = "dim", .value = std::to_string(dim)}};
  }
  return field;
}

TEST(InsertRecordTest, IsWhatTheProxyWrites) {
  std::vector<Field> fields = {MakeField(100, DataType::kInt64),
                               MakeField(101, DataType::kBool),
                               MakeField(102, DataType::kInt8),
                               MakeField(103, DataType::kFloat),
                               MakeField(104, DataType::kDouble),
                               MakeField(105, DataType::kVarChar),
                               MakeField(106, DataType::kArray),
                               MakeField(107, DataType::kFloatVector, 1),
                               MakeField(108, DataType::kBinaryVector, 16),
                               MakeField(109, DataType::kFloat16Vector, 1),
                               MakeField(110, DataType::kBFloat16Vector, 1),
                               MakeField(111, DataType::kJson)};
  fields[6].element_type = DataType::kInt32;
  fields[11].is_dynamic = true;
  pb::schema::ScalarField array;
  array.mutable_int_data()->add_data(-4);
  const float number = 1.5F;
  const std::string float_bytes(reinterpret_cast<const char*>(&number), sizeof(number));
  RowChunk chunk{.row_ids = {.ints = {1, 2, 3}}, .times = {.ints = {11, 12, 13}}};
  chunk.columns = {{.ints = {-1, 0, 1}},
                   {.ints = {1, 0, 0}},
                   {.ints = {-128, 0, 127}},
                   {.floats = {-0.5F, 0, 2}},
                   {.doubles = {-0.25, 0, 4}},
                   BytesColumn({"", "left out", "x"}),
                   BytesColumn({array.SerializeAsString(), "", ""}),
                   BytesColumn({float_bytes, float_bytes, std::string(4, '\0')}),
                   BytesColumn({"ab", "cd", "ef"}),
                   BytesColumn({"gh", "ij", "kl"}),
                   BytesColumn({"mn", "op", "qr"}),
                   BytesColumn({"{}", "{}", "{\"a\":1}"})};
  const RowPlace place{.collection = CollectionId{5},
                       .partition = PartitionId{6},
                       .partition_name = "_default",
                       .segment = SegmentId{7},
                       .vchannel = "p0_5v0"};
  pb::msg::InsertRequest request;
  ASSERT_TRUE(
      request.ParseFromString(EncodeInsertRecord(place, fields, chunk, std::vector<size_t>{0, 2})));
  EXPECT_EQ(request.base().msg_type(), pb::common::MsgType::Insert);
  EXPECT_EQ(request.shardname(), "p0_5v0");
  EXPECT_EQ(request.partition_name(), "_default");
  EXPECT_EQ(request.collectionid(), 5);
  EXPECT_EQ(request.partitionid(), 6);
  EXPECT_EQ(request.segmentid(), 7);
  EXPECT_EQ(request.num_rows(), 2U);
  EXPECT_EQ(request.version(), pb::msg::InsertDataVersion::ColumnBased);
  EXPECT_THAT(request.rowids(), ElementsAre(1, 3));
  EXPECT_THAT(request.timestamps(), ElementsAre(11U, 13U));
  ASSERT_EQ(request.fields_data_size(), 12);
  for (int i = 0; i < 12; ++i) {
    const pb::schema::FieldData& data = request.fields_data(i);
    EXPECT_EQ(data.field_id(), 100 + i);
    EXPECT_EQ(data.field_name(), "f" + std::to_string(100 + i));
    EXPECT_EQ(static_cast<int>(data.type()), static_cast<int>(fields[static_cast<size_t>(i)].type));
    EXPECT_EQ(data.is_dynamic(), i == 11);
  }
  const auto scalars = [&request](int i) { return request.fields_data(i).scalars(); };
  const auto vectors = [&request](int i) { return request.fields_data(i).vectors(); };
  EXPECT_THAT(scalars(0).long_data().data(), ElementsAre(-1, 1));
  EXPECT_THAT(scalars(1).bool_data().data(), ElementsAre(true, false));
  EXPECT_THAT(scalars(2).int_data().data(), ElementsAre(-128, 127));
  EXPECT_THAT(scalars(3).float_data().data(), ElementsAre(-0.5F, 2));
  EXPECT_THAT(scalars(4).double_data().data(), ElementsAre(-0.25, 4));
  EXPECT_THAT(scalars(5).string_data().data(), ElementsAre("", "x"));
  ASSERT_EQ(scalars(6).array_data().data_size(), 2);
  EXPECT_THAT(scalars(6).array_data().data(0).int_data().data(), ElementsAre(-4));
  EXPECT_EQ(scalars(6).array_data().element_type(), pb::schema::DataType::Int32);
  EXPECT_THAT(vectors(7).float_vector().data(), ElementsAre(1.5F, 0));
  EXPECT_EQ(vectors(7).dim(), 1);
  EXPECT_EQ(vectors(8).binary_vector(), "abef");
  EXPECT_EQ(vectors(8).dim(), 16);
  EXPECT_EQ(vectors(9).float16_vector(), "ghkl");
  EXPECT_EQ(vectors(10).bfloat16_vector(), "mnqr");
  EXPECT_THAT(scalars(11).json_data().data(), ElementsAre("{}", "{\"a\":1}"));
}

// The form of Milvus 2.5: all rows have a value, and flags say which are null.
TEST(InsertRecordTest, NullsHavePlaceholders) {
  std::vector<Field> fields = {MakeField(100, DataType::kInt64), MakeField(101, DataType::kVarChar),
                               MakeField(102, DataType::kArray)};
  for (Field& field : fields) {
    field.nullable = field.id.value != 100;
  }
  RowChunk chunk{.row_ids = {.ints = {1, 2, 3}}, .times = {.ints = {11, 12, 13}}};
  chunk.columns = {{.ints = {7, 8, 9}}, BytesColumn({"", "", "a"}), BytesColumn({"", "", ""})};
  chunk.columns[1].valid = std::string("\0\1\1", 3);
  chunk.columns[2].valid = std::string("\1\0\0", 3);
  pb::msg::InsertRequest request;
  ASSERT_TRUE(
      request.ParseFromString(EncodeInsertRecord({}, fields, chunk, std::vector<size_t>{0, 2})));
  EXPECT_EQ(request.fields_data(0).valid_data_size(), 0);
  EXPECT_THAT(request.fields_data(1).valid_data(), ElementsAre(false, true));
  EXPECT_THAT(request.fields_data(1).scalars().string_data().data(), ElementsAre("", "a"));
  EXPECT_THAT(request.fields_data(2).valid_data(), ElementsAre(true, false));
  EXPECT_EQ(request.fields_data(2).scalars().array_data().data_size(), 2);
}

TEST(InsertRecordTest, VectorsOfLaterVersions) {
  const std::vector<Field> fields = {MakeField(100, DataType::kSparseFloatVector),
                                     MakeField(101, DataType::kInt8Vector, 2)};
  const std::string far = FromHex("010000000000003f7011010000000040");
  const std::string near = FromHex("030000000000803f");
  RowChunk chunk{.row_ids = {.ints = {1, 2, 3}}, .times = {.ints = {11, 12, 13}}};
  chunk.columns = {BytesColumn({near, far, ""}), BytesColumn({"ab", "cd", "ef"})};
  const auto encoded = [&](const std::vector<size_t>& rows) {
    pb::msg::InsertRequest request;
    EXPECT_TRUE(request.ParseFromString(EncodeInsertRecord({}, fields, chunk, rows)));
    return request;
  };
  const pb::msg::InsertRequest all = encoded({0, 1, 2});
  const auto& sparse = all.fields_data(0).vectors();
  EXPECT_EQ(sparse.dim(), 70001);
  EXPECT_EQ(sparse.sparse_float_vector().dim(), 70001);
  EXPECT_THAT(sparse.sparse_float_vector().contents(), ElementsAre(near, far, ""));
  EXPECT_EQ(all.fields_data(1).vectors().dim(), 2);
  EXPECT_EQ(all.fields_data(1).vectors().int8_vector(), "abcdef");
  EXPECT_EQ(encoded({0, 2}).fields_data(0).vectors().dim(), 4);
}

}  // namespace
}  // namespace cdc
