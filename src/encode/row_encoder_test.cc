#include "encode/row_encoder.h"

#include <memory>

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>
#include <gtest/gtest.h>

#include "model/testing/insert_builder.h"

namespace cdc {
namespace {

namespace schema = ::milvus::proto::schema;
namespace pb = ::milvus::proto::milvus;

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<grpc::Slice> SlicesOf(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(buffer.Dump(&slices).ok());
  return slices;
}

template <class Request>
Request Encode(const RowBatch& batch) {
  grpc::ByteBuffer buffer;
  const Status status = EncodeRows(batch, ExpressionDialect::kMilvus, &buffer);
  EXPECT_TRUE(status.ok()) << status.ToString();
  std::string bytes;
  for (const grpc::Slice& slice : SlicesOf(buffer)) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  Request request;
  EXPECT_TRUE(request.ParseFromString(bytes));
  return request;
}

RowBatch BatchOf(std::vector<MessagePtr> messages) {
  RowBatch batch;
  batch.target = {"db", "things"};
  batch.partition = "p";
  batch.primary_key = "id";
  batch.messages = std::move(messages);
  return batch;
}

void ExpectSame(const google::protobuf::Message& want, const google::protobuf::Message& got) {
  std::string differences;
  google::protobuf::util::MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&differences);
  EXPECT_TRUE(differencer.Compare(want, got)) << differences;
}

schema::FieldData Named(schema::DataType type, int64_t id) {
  schema::FieldData field;
  field.set_type(type);
  field.set_field_id(id);
  field.set_field_name(schema::DataType_Name(type));
  return field;
}

// Two rows of every scalar type, which differ with `seed`.
FieldDatas ScalarColumns(int seed) {
  FieldDatas fields;
  const auto add = [&fields](schema::DataType type) {
    fields.push_back(Named(type, static_cast<int64_t>(100 + fields.size())));
    return fields.back().mutable_scalars();
  };
  const std::string text = "t" + std::to_string(seed);
  auto* bools = add(schema::Bool)->mutable_bool_data();
  bools->add_data(seed % 2 == 0);
  bools->add_data(true);
  for (const auto type : {schema::Int8, schema::Int16, schema::Int32}) {
    auto* ints = add(type)->mutable_int_data();
    ints->add_data(-seed);
    ints->add_data(120);
  }
  auto* longs = add(schema::Int64)->mutable_long_data();
  longs->add_data(INT64_MIN + seed);
  longs->add_data(INT64_MAX);
  auto* floats = add(schema::Float)->mutable_float_data();
  floats->add_data(0.5F + static_cast<float>(seed));
  floats->add_data(-1.5F);
  auto* doubles = add(schema::Double)->mutable_double_data();
  doubles->add_data(0.25 + seed);
  doubles->add_data(1e300);
  auto* strings = add(schema::VarChar)->mutable_string_data();
  strings->add_data(text);
  strings->add_data("");
  auto* arrays = add(schema::Array)->mutable_array_data();
  arrays->set_element_type(schema::Int64);
  arrays->add_data()->mutable_long_data()->add_data(seed);
  arrays->add_data()->mutable_long_data();
  auto* json = add(schema::JSON)->mutable_json_data();
  json->add_data("{\"a\":" + std::to_string(seed) + "}");
  json->add_data("[]");
  auto* dynamic = add(schema::JSON)->mutable_json_data();
  dynamic->add_data("{}");
  dynamic->add_data("{\"b\":\"" + text + "\"}");
  fields.back().set_field_name("$meta");
  fields.back().set_is_dynamic(true);
  return fields;
}

// Two rows of every vector type with dim 8.
FieldDatas VectorColumns(char seed) {
  FieldDatas fields;
  const auto add = [&fields](schema::DataType type) {
    fields.push_back(Named(type, static_cast<int64_t>(200 + fields.size())));
    fields.back().mutable_vectors()->set_dim(8);
    return fields.back().mutable_vectors();
  };
  add(schema::BinaryVector)->set_binary_vector(std::string(2, seed));
  auto* floats = add(schema::FloatVector)->mutable_float_vector();
  for (int i = 0; i < 16; ++i) {
    floats->add_data(static_cast<float>(i) + static_cast<float>(seed));
  }
  add(schema::Float16Vector)->set_float16_vector(std::string(32, seed));
  add(schema::BFloat16Vector)->set_bfloat16_vector(std::string(32, seed));
  add(schema::Int8Vector)->set_int8_vector(std::string(16, seed));
  return fields;
}

TEST(RowEncoderTest, WritesEveryScalarTypeOfSeveralMessages) {
  const FieldDatas first = ScalarColumns(1);
  const FieldDatas second = ScalarColumns(2);
  const auto request =
      Encode<pb::InsertRequest>(BatchOf({MakeInsert(first, 2), MakeInsert(second, 2)}));
  EXPECT_EQ(request.db_name(), "db");
  EXPECT_EQ(request.collection_name(), "things");
  EXPECT_EQ(request.partition_name(), "p");
  EXPECT_EQ(request.num_rows(), 4U);
  ASSERT_EQ(request.fields_data_size(), static_cast<int>(first.size()));
  for (size_t i = 0; i < first.size(); ++i) {
    schema::FieldData want = first[i];
    want.mutable_scalars()->MergeFrom(second[i].scalars());
    ExpectSame(want, request.fields_data(static_cast<int>(i)));
  }
}

TEST(RowEncoderTest, WritesEveryVectorTypeOfSeveralMessages) {
  const FieldDatas first = VectorColumns('a');
  const FieldDatas second = VectorColumns('b');
  RowBatch batch = BatchOf({MakeInsert(first, 2), MakeInsert(second, 2)});
  batch.op = RowOp::kUpsert;
  const auto request = Encode<pb::UpsertRequest>(batch);
  EXPECT_EQ(request.num_rows(), 4U);
  ASSERT_EQ(request.fields_data_size(), 5);
  const auto vectors = [&request](int i) { return request.fields_data(i).vectors(); };
  EXPECT_EQ(vectors(0).binary_vector(), "aabb");
  schema::FloatArray floats = first[1].vectors().float_vector();
  floats.MergeFrom(second[1].vectors().float_vector());
  ExpectSame(floats, vectors(1).float_vector());
  EXPECT_EQ(vectors(2).float16_vector(), std::string(32, 'a') + std::string(32, 'b'));
  EXPECT_EQ(vectors(3).bfloat16_vector(), std::string(32, 'a') + std::string(32, 'b'));
  EXPECT_EQ(vectors(4).int8_vector(), std::string(16, 'a') + std::string(16, 'b'));
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(vectors(i).dim(), 8);
    EXPECT_EQ(request.fields_data(i).field_name(), first[static_cast<size_t>(i)].field_name());
  }
}

// The decoder accepts types that are not known yet.
TEST(RowEncoderTest, ColumnsOfUnknownTypesKeepTheirForm) {
  schema::FieldData scalars = VarCharField(100, "a", {"x"});
  scalars.set_type(static_cast<schema::DataType>(150));
  schema::FieldData vectors = FloatVectorField(101, "b", 1, {0.5F});
  vectors.set_type(static_cast<schema::DataType>(50));
  const auto request = Encode<pb::InsertRequest>(BatchOf({MakeInsert({scalars, vectors}, 1)}));
  ASSERT_EQ(request.fields_data_size(), 2);
  ExpectSame(request.fields_data(0), scalars);
  ExpectSame(request.fields_data(1), vectors);
}

TEST(RowEncoderTest, TakesTheLargestSparseDim) {
  const auto sparse = [](int64_t dim, const std::string& row) {
    schema::FieldData field = Named(schema::SparseFloatVector, 101);
    auto* vectors = field.mutable_vectors();
    vectors->set_dim(dim);
    vectors->mutable_sparse_float_vector()->set_dim(dim);
    vectors->mutable_sparse_float_vector()->add_contents(row);
    return field;
  };
  const auto request = Encode<pb::InsertRequest>(
      BatchOf({MakeInsert({sparse(900, "12345678")}, 1), MakeInsert({sparse(7, "abcdefgh")}, 1)}));
  const auto& vectors = request.fields_data(0).vectors();
  EXPECT_EQ(vectors.dim(), 900);
  EXPECT_EQ(vectors.sparse_float_vector().dim(), 900);
  EXPECT_THAT(vectors.sparse_float_vector().contents(), ElementsAre("12345678", "abcdefgh"));
}

// A BM25 function computes its sparse vectors from the text, on the source and on the target.
TEST(RowEncoderTest, LeavesOutWhatTheTargetComputes) {
  schema::FieldData output = Named(schema::SparseFloatVector, 102);
  output.mutable_vectors()->mutable_sparse_float_vector()->add_contents("12345678");
  RowBatch batch = BatchOf(
      {MakeInsert({LongField(100, "id", {1}), output, VarCharField(101, "text", {"a"})}, 1),
       MakeInsert({LongField(100, "id", {2}), VarCharField(101, "text", {"b"}), output}, 1)});
  batch.function_outputs = {FieldId{102}};
  const auto request = Encode<pb::InsertRequest>(batch);
  ASSERT_EQ(request.fields_data_size(), 2);
  EXPECT_THAT(request.fields_data(0).scalars().long_data().data(), ElementsAre(1, 2));
  EXPECT_THAT(request.fields_data(1).scalars().string_data().data(), ElementsAre("a", "b"));
}

TEST(RowEncoderTest, MatchesColumnsInAnyOrderByIdElseByName) {
  const auto request = Encode<pb::InsertRequest>(
      BatchOf({MakeInsert({LongField(100, "id", {1}), VarCharField(101, "s", {"a"})}, 1),
               MakeInsert({VarCharField(101, "s", {"b"}), LongField(100, "id", {2})}, 1),
               MakeInsert({VarCharField(0, "s", {"c"}), LongField(0, "id", {3})}, 1)}));
  EXPECT_THAT(request.fields_data(0).scalars().long_data().data(), ElementsAre(1, 2, 3));
  EXPECT_THAT(request.fields_data(1).scalars().string_data().data(), ElementsAre("a", "b", "c"));
}

TEST(RowEncoderDeathTest, AbortsAtDifferentColumns) {
  const RowBatch more =
      BatchOf({MakeInsert({LongField(100, "id", {1})}, 1),
               MakeInsert({LongField(100, "id", {1}), LongField(101, "n", {2})}, 1)});
  const RowBatch other = BatchOf(
      {MakeInsert({LongField(100, "id", {1})}, 1), MakeInsert({LongField(102, "m", {1})}, 1)});
  grpc::ByteBuffer buffer;
  EXPECT_DEATH(EncodeRows(more, ExpressionDialect::kMilvus, &buffer).ok(), "check failed");
  EXPECT_DEATH(EncodeRows(other, ExpressionDialect::kMilvus, &buffer).ok(), "check failed");
  EXPECT_FALSE(SameColumns(*more.messages[0], *more.messages[1]));
  EXPECT_FALSE(SameColumns(*other.messages[0], *other.messages[1]));
}

TEST(RowEncoderTest, SameColumnsIgnoresOrderAndSeesTypes) {
  const auto a = MakeInsert({LongField(100, "id", {1}), VarCharField(101, "s", {"a"})}, 1);
  const auto b = MakeInsert({VarCharField(101, "s", {"b"}), LongField(100, "id", {2})}, 1);
  const auto c = MakeInsert({LongField(101, "s", {1}), LongField(100, "id", {2})}, 1);
  EXPECT_TRUE(SameColumns(*a, *b));
  EXPECT_FALSE(SameColumns(*a, *c));
}

TEST(RowEncoderTest, RefersToLargeColumnsAndKeepsThemAlive) {
  std::vector<float> floats(1024, 0.5F);
  MessagePtr message =
      MakeInsert({LongField(100, "id", {1}), FloatVectorField(101, "v", 1024, floats)}, 1);
  const std::string_view body = message->columns[1].body;
  const std::weak_ptr<const void> payload = message->payload.owner;
  auto buffer = std::make_unique<grpc::ByteBuffer>();
  {
    const RowBatch batch = BatchOf({std::move(message)});
    ASSERT_TRUE(EncodeRows(batch, ExpressionDialect::kMilvus, buffer.get()).ok());
  }
  ASSERT_FALSE(payload.expired());
  const auto points_at_body = [body](const grpc::Slice& slice) {
    return reinterpret_cast<const char*>(slice.begin()) == body.data() &&
           slice.size() == body.size();
  };
  {
    const std::vector<grpc::Slice> slices = SlicesOf(*buffer);
    EXPECT_EQ(slices.size(), 3U);
    EXPECT_TRUE(std::any_of(slices.begin(), slices.end(), points_at_body));
  }
  buffer.reset();
  EXPECT_TRUE(payload.expired());
}

// In the log, a null row has a placeholder; in a request, it has no value.
class NullRowsTest : public ::testing::Test {
 protected:
  static schema::FieldData Encoded(schema::FieldData field, const std::vector<bool>& valid) {
    field.mutable_valid_data()->Assign(valid.begin(), valid.end());
    return Encode<pb::InsertRequest>(
               BatchOf({MakeInsert({field}, static_cast<uint32_t>(valid.size()))}))
        .fields_data(0);
  }
};

TEST_F(NullRowsTest, AreLeftOutOfNumbers) {
  const auto longs = Encoded(LongField(100, "n", {-1, 0, 300}), {true, false, true});
  EXPECT_THAT(longs.scalars().long_data().data(), ElementsAre(-1, 300));
  EXPECT_THAT(longs.valid_data(), ElementsAre(true, false, true));

  schema::FieldData doubles = Named(schema::Double, 101);
  for (const double value : {1.5, 0.0, 2.5}) {
    doubles.mutable_scalars()->mutable_double_data()->add_data(value);
  }
  EXPECT_THAT(Encoded(doubles, {true, false, true}).scalars().double_data().data(),
              ElementsAre(1.5, 2.5));

  schema::FieldData bools = Named(schema::Bool, 102);
  for (const bool value : {false, true, true}) {
    bools.mutable_scalars()->mutable_bool_data()->add_data(value);
  }
  EXPECT_THAT(Encoded(bools, {false, true, false}).scalars().bool_data().data(), ElementsAre(true));
}

TEST_F(NullRowsTest, AreLeftOutOfTextsAndArrays) {
  const auto texts = Encoded(VarCharField(100, "s", {"", "b", ""}), {false, true, true});
  EXPECT_THAT(texts.scalars().string_data().data(), ElementsAre("b", ""));

  schema::FieldData arrays = Named(schema::Array, 101);
  auto* data = arrays.mutable_scalars()->mutable_array_data();
  data->add_data();
  data->add_data()->mutable_int_data()->add_data(7);
  data->set_element_type(schema::Int32);
  const auto encoded = Encoded(arrays, {false, true}).scalars().array_data();
  ASSERT_EQ(encoded.data_size(), 1);
  EXPECT_EQ(encoded.data(0).int_data().data(0), 7);
  EXPECT_EQ(encoded.element_type(), schema::Int32);
}

TEST_F(NullRowsTest, AreLeftOutOfVectors) {
  const auto floats =
      Encoded(FloatVectorField(100, "v", 2, {1, 2, 0, 0, 5, 6}), {true, false, true});
  EXPECT_THAT(floats.vectors().float_vector().data(), ElementsAre(1, 2, 5, 6));

  schema::FieldData halves = Named(schema::Float16Vector, 101);
  halves.mutable_vectors()->set_dim(1);
  halves.mutable_vectors()->set_float16_vector("aabbcc");
  EXPECT_EQ(Encoded(halves, {false, true, true}).vectors().float16_vector(), "bbcc");
}

TEST_F(NullRowsTest, AreLeftOutOfEveryKindOfVector) {
  const auto vectors = [](schema::DataType type) {
    schema::FieldData field = Named(type, 101);
    field.mutable_vectors()->set_dim(8);
    return field;
  };
  const std::vector<bool> valid = {true, false, true};
  auto binary = vectors(schema::BinaryVector);
  binary.mutable_vectors()->set_binary_vector("abc");
  EXPECT_EQ(Encoded(binary, valid).vectors().binary_vector(), "ac");
  const auto rows = [](size_t width) {
    return std::string(width, 'a') + std::string(width, 'b') + std::string(width, 'c');
  };
  const auto kept = [](size_t width) { return std::string(width, 'a') + std::string(width, 'c'); };
  auto brain = vectors(schema::BFloat16Vector);
  brain.mutable_vectors()->set_bfloat16_vector(rows(16));
  EXPECT_EQ(Encoded(brain, valid).vectors().bfloat16_vector(), kept(16));
  auto bytes = vectors(schema::Int8Vector);
  bytes.mutable_vectors()->set_int8_vector(rows(8));
  EXPECT_EQ(Encoded(bytes, valid).vectors().int8_vector(), kept(8));
  auto sparse = vectors(schema::SparseFloatVector);
  auto* contents = sparse.mutable_vectors()->mutable_sparse_float_vector();
  contents->set_dim(77);
  for (const char* row : {"12345678", "", "abcdefgh"}) {
    contents->add_contents(row);
  }
  const auto encoded = Encoded(sparse, valid);
  EXPECT_THAT(encoded.vectors().sparse_float_vector().contents(),
              ElementsAre("12345678", "abcdefgh"));
  EXPECT_EQ(encoded.vectors().sparse_float_vector().dim(), 77);
  EXPECT_THAT(encoded.valid_data(), ElementsAre(true, false, true));
}

TEST_F(NullRowsTest, StayAbsentWhereTheyAreAbsentAlready) {
  const auto texts = Encoded(VarCharField(100, "s", {"b"}), {false, true, false});
  EXPECT_THAT(texts.scalars().string_data().data(), ElementsAre("b"));
}

TEST_F(NullRowsTest, AllNull) {
  const auto longs = Encoded(LongField(100, "n", {0, 0}), {false, false});
  EXPECT_EQ(longs.scalars().long_data().data_size(), 0);
  EXPECT_TRUE(longs.scalars().has_long_data());
}

TEST_F(NullRowsTest, AreFlaggedForMessagesThatHaveNone) {
  schema::FieldData with = LongField(100, "n", {1, 0});
  with.add_valid_data(true);
  with.add_valid_data(false);
  const auto request = Encode<pb::InsertRequest>(
      BatchOf({MakeInsert({LongField(100, "n", {5})}, 1), MakeInsert({with}, 2)}));
  EXPECT_THAT(request.fields_data(0).valid_data(), ElementsAre(true, true, false));
  EXPECT_THAT(request.fields_data(0).scalars().long_data().data(), ElementsAre(5, 1));
}

TEST_F(NullRowsTest, AreDataLossIfTheCountsDoNotFit) {
  schema::FieldData field = LongField(100, "n", {1, 2});
  for (const bool valid : {true, true, true, false}) {
    field.add_valid_data(valid);
  }
  grpc::ByteBuffer buffer;
  const Status status =
      EncodeRows(BatchOf({MakeInsert({field}, 4)}), ExpressionDialect::kMilvus, &buffer);
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("column n"));
}

RowBatch DeleteBatch(std::vector<MessagePtr> messages) {
  RowBatch batch = BatchOf(std::move(messages));
  batch.op = RowOp::kDelete;
  for (const MessagePtr& message : batch.messages) {
    batch.deletes.push_back(message->keys);
  }
  return batch;
}

TEST(DeleteTest, WritesNumbersOfSeveralMessages) {
  const auto request = Encode<pb::DeleteRequest>(
      DeleteBatch({MakeDelete(std::vector<int64_t>{1, -2}), MakeDelete(std::vector<int64_t>{3})}));
  EXPECT_EQ(request.expr(), "id in [1,-2,3]");
  EXPECT_EQ(request.db_name(), "db");
  EXPECT_EQ(request.collection_name(), "things");
  EXPECT_EQ(request.partition_name(), "p");
}

}  // namespace
}  // namespace cdc
