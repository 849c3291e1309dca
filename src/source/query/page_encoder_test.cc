#include "source/query/page_encoder.h"

#include <deque>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "msg.pb.h"
#include "schema.pb.h"

namespace cdc {
namespace {

namespace schema = ::milvus::proto::schema;
using ::milvus::proto::msg::InsertRequest;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using testing::UnorderedElementsAre;

// Columns of an answer, made by Milvus' own protobuf.
class Answer {
 public:
  schema::FieldData& Add(const std::string& name, schema::DataType type) {
    schema::FieldData& column = columns_.emplace_back();
    column.set_field_name(name);
    column.set_type(type);
    return column;
  }
  void AddInts(const std::string& name, const std::vector<int64_t>& values) {
    auto* data = Add(name, schema::Int64).mutable_scalars()->mutable_long_data()->mutable_data();
    data->Assign(values.begin(), values.end());
  }
  void AddTexts(const std::string& name, const std::vector<std::string>& values) {
    auto* data =
        Add(name, schema::VarChar).mutable_scalars()->mutable_string_data()->mutable_data();
    data->Assign(values.begin(), values.end());
  }
  Result<PageEncoder::Page> Encode(const PageEncoder& encoder, const Partition* partition) {
    std::vector<std::string> bytes;
    for (const schema::FieldData& column : columns_) {
      bytes.push_back(column.SerializeAsString());
    }
    return encoder.Encode({bytes.begin(), bytes.end()}, partition);
  }

 private:
  std::deque<schema::FieldData> columns_;
};

InsertRequest Parse(const PageEncoder::Record& record) {
  InsertRequest insert;
  EXPECT_TRUE(insert.ParseFromString(record.bytes));
  EXPECT_EQ(insert.num_rows(), record.rows);
  EXPECT_EQ(insert.shardname(), record.vchannel);
  return insert;
}

class PageEncoderTest : public testing::Test {
 protected:
  PageEncoderTest() {
    collection_.id = {7};
    collection_.vchannels = {"dml_3_7v0", "dml_4_7v1"};
    collection_.partitions = {{.id = {70}, .name = "_default"}};
    AddField("id", DataType::kInt64);
    collection_.schema.fields[0].is_primary_key = true;
  }

  void AddField(const std::string& name, DataType type, int dim = 0) {
    Field field{.id = {100 + static_cast<int64_t>(collection_.schema.fields.size())},
                .name = name,
                .type = type};
    if (dim > 0) {
      field.type_params = {{"dim", std::to_string(dim)}};
    }
    collection_.schema.fields.push_back(std::move(field));
  }
  PageEncoder Encoder() const {
    return {collection_, {{"dml_3_7v0", {1000}}, {"dml_4_7v1", {2000}}}};
  }
  const Partition* Default() const { return collection_.partitions.data(); }

  Collection collection_;
  Answer answer_;
};

TEST_F(PageEncoderTest, RowsGoToTheirShards) {
  answer_.AddInts("id", {0, 1, 2, 3, 4, 5});
  const auto page = answer_.Encode(Encoder(), Default());
  ASSERT_TRUE(page.ok()) << page.status().ToString();
  EXPECT_EQ(page->rows, 6U);
  EXPECT_EQ(page->rest, "id > 5");
  ASSERT_THAT(page->records, SizeIs(2));
  const InsertRequest first = Parse(page->records[0]);
  EXPECT_EQ(first.base().msg_type(), ::milvus::proto::common::Insert);
  EXPECT_EQ(first.shardname(), "dml_3_7v0");
  EXPECT_EQ(first.collectionid(), 7);
  EXPECT_EQ(first.partitionid(), 70);
  EXPECT_EQ(first.partition_name(), "_default");
  EXPECT_THAT(first.timestamps(), ElementsAre(1000, 1000, 1000, 1000));
  EXPECT_EQ(first.fields_data(0).field_id(), 100);
  EXPECT_THAT(first.fields_data(0).scalars().long_data().data(), ElementsAre(0, 1, 2, 4));
  const InsertRequest second = Parse(page->records[1]);
  EXPECT_THAT(second.timestamps(), ElementsAre(2000, 2000));
  EXPECT_THAT(second.fields_data(0).scalars().long_data().data(), ElementsAre(3, 5));
}

TEST_F(PageEncoderTest, EveryFormOfAColumnIsCutIntoRows) {
  AddField("flag", DataType::kBool);
  AddField("small", DataType::kInt8);
  AddField("real", DataType::kFloat);
  AddField("exact", DataType::kDouble);
  AddField("list", DataType::kArray);
  collection_.schema.fields.back().element_type = DataType::kInt64;
  AddField("vector", DataType::kFloatVector, 2);
  AddField("bits", DataType::kBinaryVector, 16);
  AddField("half", DataType::kFloat16Vector, 2);
  AddField("sparse", DataType::kSparseFloatVector);
  collection_.schema.enable_dynamic_field = true;
  answer_.AddInts("id", {2, 3, 4});  // 3 is of the other shard
  auto* flag = answer_.Add("flag", schema::Bool).mutable_scalars()->mutable_bool_data();
  auto* small = answer_.Add("small", schema::Int8).mutable_scalars()->mutable_int_data();
  auto* real = answer_.Add("real", schema::Float).mutable_scalars()->mutable_float_data();
  auto* exact = answer_.Add("exact", schema::Double).mutable_scalars()->mutable_double_data();
  auto* list = answer_.Add("list", schema::Array).mutable_scalars()->mutable_array_data();
  auto* vector = answer_.Add("vector", schema::FloatVector).mutable_vectors();
  auto* bits = answer_.Add("bits", schema::BinaryVector).mutable_vectors();
  auto* half = answer_.Add("half", schema::Float16Vector).mutable_vectors();
  auto* sparse = answer_.Add("sparse", schema::SparseFloatVector).mutable_vectors();
  auto& meta = answer_.Add("$meta", schema::JSON);
  meta.set_field_id(111);
  vector->set_dim(2);
  bits->set_dim(16);
  bits->set_binary_vector("aabbcc");
  half->set_dim(2);
  half->set_float16_vector("AAAABBBBCCCC");
  sparse->set_dim(9);
  sparse->mutable_sparse_float_vector()->set_dim(9);
  for (const int row : {0, 1, 2}) {
    flag->add_data(row != 1);
    small->add_data(-row);
    real->add_data(static_cast<float>(row));
    exact->add_data(row);
    schema::ScalarField* array = list->add_data();
    for (int i = 0; i < row; ++i) {
      array->mutable_long_data()->add_data(i);
    }
    vector->mutable_float_vector()->add_data(static_cast<float>(row));
    vector->mutable_float_vector()->add_data(0.5F);
    sparse->mutable_sparse_float_vector()->add_contents("s" + std::to_string(row));
    meta.mutable_scalars()->mutable_json_data()->add_data("{\"n\":" + std::to_string(row) + "}");
  }
  const auto page = answer_.Encode(Encoder(), Default());
  ASSERT_TRUE(page.ok()) << page.status().ToString();
  const InsertRequest insert = Parse(page->records.at(0));
  std::map<std::string, schema::FieldData> columns;
  for (const schema::FieldData& column : insert.fields_data()) {
    columns[column.field_name()] = column;
  }
  EXPECT_THAT(columns["flag"].scalars().bool_data().data(), ElementsAre(true, true));
  EXPECT_THAT(columns["small"].scalars().int_data().data(), ElementsAre(0, -2));
  EXPECT_THAT(columns["real"].scalars().float_data().data(), ElementsAre(0, 2));
  EXPECT_THAT(columns["exact"].scalars().double_data().data(), ElementsAre(0, 2));
  const auto& arrays = columns["list"].scalars().array_data();
  EXPECT_EQ(arrays.element_type(), schema::Int64);
  ASSERT_THAT(arrays.data(), SizeIs(2));
  EXPECT_THAT(arrays.data(0).long_data().data(), SizeIs(0));
  EXPECT_EQ(arrays.data(0).data_case(), schema::ScalarField::kLongData)
      << "an array of no type makes a Milvus crash";
  EXPECT_THAT(arrays.data(1).long_data().data(), ElementsAre(0, 1));
  EXPECT_EQ(columns["vector"].vectors().dim(), 2);
  EXPECT_THAT(columns["vector"].vectors().float_vector().data(), ElementsAre(0, 0.5, 2, 0.5));
  EXPECT_EQ(columns["bits"].vectors().binary_vector(), "aacc");
  EXPECT_EQ(columns["half"].vectors().float16_vector(), "AAAACCCC");
  EXPECT_THAT(columns["sparse"].vectors().sparse_float_vector().contents(),
              ElementsAre("s0", "s2"));
  EXPECT_EQ(columns["sparse"].vectors().sparse_float_vector().dim(), 9);
  EXPECT_THAT(columns["$meta"].scalars().json_data().data(), ElementsAre("{\"n\":0}", "{\"n\":2}"));
  EXPECT_TRUE(columns["$meta"].is_dynamic());
  EXPECT_EQ(columns["$meta"].field_id(), 111);
}

TEST_F(PageEncoderTest, NullsKeepTheirPlace) {
  AddField("maybe", DataType::kInt32);
  answer_.AddInts("id", {2, 3, 4});
  schema::FieldData& maybe = answer_.Add("maybe", schema::Int32);
  for (const bool valid : {true, true, false}) {
    maybe.mutable_scalars()->mutable_int_data()->add_data(valid ? 8 : 0);
    maybe.add_valid_data(valid);
  }
  const auto page = answer_.Encode(Encoder(), Default());
  ASSERT_TRUE(page.ok()) << page.status().ToString();
  EXPECT_THAT(Parse(page->records.at(0)).fields_data(1).valid_data(), ElementsAre(true, false));
}

TEST_F(PageEncoderTest, APartitionKeyChoosesThePartition) {
  AddField("tenant", DataType::kVarChar);
  collection_.schema.fields.back().is_partition_key = true;
  collection_.vchannels.pop_back();
  collection_.partitions = {{.id = {72}, .name = "_default_2"},
                            {.id = {70}, .name = "_default_0"},
                            {.id = {71}, .name = "_default_1"}};
  answer_.AddInts("id", {1, 2, 3});
  answer_.AddTexts("tenant", {"123456789", "", "123456789"});
  const auto page = answer_.Encode(Encoder(), nullptr);
  ASSERT_TRUE(page.ok()) << page.status().ToString();
  std::map<std::string, std::vector<int64_t>> keys;
  for (const auto& record : page->records) {
    const InsertRequest insert = Parse(record);
    const auto& data = insert.fields_data(0).scalars().long_data().data();
    keys[insert.partition_name()].assign(data.begin(), data.end());
  }
  EXPECT_THAT(keys["_default_0"], ElementsAre(2));
  EXPECT_THAT(keys["_default_" + std::to_string(0xCBF43926U % 3)], testing::Contains(3));
  collection_.partitions = {{.id = {70}, .name = "_default_8"}, {.id = {71}, .name = "_default_9"}};
  EXPECT_THAT(answer_.Encode(Encoder(), nullptr).status().message(), HasSubstr("no partition"));
}

TEST_F(PageEncoderTest, KeysAlone) {
  AddField("text", DataType::kVarChar);
  AddField("tenant", DataType::kVarChar);
  collection_.schema.fields.back().is_partition_key = true;
  collection_.partitions[0].name = "_default_0";
  collection_.schema.enable_dynamic_field = true;
  const PageEncoder encoder(collection_, {{"dml_3_7v0", {1000}}, {"dml_4_7v1", {2000}}},
                            PageEncoder::Content::kKeys);
  EXPECT_THAT(encoder.fields(), ElementsAre("id", "tenant"));
  answer_.AddInts("id", {1, 2});
  answer_.AddTexts("tenant", {"a", "b"});
  const auto page = answer_.Encode(encoder, nullptr);
  ASSERT_TRUE(page.ok()) << page.status().ToString();
  const InsertRequest insert = Parse(page->records.at(0));
  EXPECT_EQ(insert.partitionid(), 70);
  ASSERT_THAT(insert.fields_data(), SizeIs(1));
  EXPECT_THAT(insert.fields_data(0).scalars().long_data().data(), ElementsAre(1, 2));
}

TEST_F(PageEncoderTest, TheNextPageBeginsAfterTheLastKey) {
  answer_.AddInts("id", {std::numeric_limits<int64_t>::min()});
  EXPECT_EQ(answer_.Encode(Encoder(), Default())->rest, "id > -9223372036854775807-1");
  collection_.schema.fields[0].type = DataType::kVarChar;
  Answer texts;
  texts.AddTexts("id", {"a", "q\"u\\o\nté"});
  EXPECT_EQ(texts.Encode(Encoder(), Default())->rest, "id > \"q\\\"u\\\\o\\nté\"");
}

TEST_F(PageEncoderTest, WhatIsNotSortedHasNoNextPage) {
  answer_.AddInts("id", {2, 1});
  const Status status = answer_.Encode(Encoder(), Default()).status();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("not sorted"));
}

TEST_F(PageEncoderTest, NoRows) {
  EXPECT_EQ(answer_.Encode(Encoder(), Default())->rows, 0U);
  answer_.AddInts("id", {});
  EXPECT_EQ(answer_.Encode(Encoder(), Default())->rows, 0U);
}

TEST_F(PageEncoderTest, LargeRowsGetRecordsOfTheirOwn) {
  AddField("text", DataType::kVarChar);
  collection_.vchannels.pop_back();
  answer_.AddInts("id", {1, 2, 3});
  const std::string large(PageEncoder::kRecordBytes / 2 + 1, 'x');
  answer_.AddTexts("text", {large, large, large});
  const auto page = answer_.Encode(Encoder(), Default());
  ASSERT_THAT(page->records, SizeIs(2));
  EXPECT_EQ(page->records[0].rows, 2U);
  EXPECT_EQ(page->records[1].rows, 1U);
}

TEST_F(PageEncoderTest, AnswersThatDoNotFitAreRefused) {
  AddField("text", DataType::kVarChar);
  answer_.AddInts("id", {1, 2});
  EXPECT_THAT(answer_.Encode(Encoder(), Default()).status().message(), HasSubstr("no column text"));
  answer_.AddTexts("text", {"a"});
  EXPECT_THAT(answer_.Encode(Encoder(), Default()).status().message(),
              HasSubstr("different numbers of rows"));
  for (const std::string bytes :
       {"\x12", "\x1a\x02\x0a\x05", "\x1a\x03\x1a\x01\x08", "\x22\x02\x12\x00"}) {
    EXPECT_FALSE(Encoder().Encode({bytes}, Default()).ok());
  }
}

}  // namespace
}  // namespace cdc
