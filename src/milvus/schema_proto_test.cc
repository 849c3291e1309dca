#include "milvus/schema_proto.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema.pb.h"

namespace cdc {
namespace {

namespace schema_pb = ::milvus::proto::schema;

Schema WithText() {
  return {.fields = {{.id = {100}, .name = "id", .type = DataType::kInt64, .is_primary_key = true},
                     {.id = {101}, .name = "text", .type = DataType::kVarChar}}};
}

schema_pb::CollectionSchema Serialized(const Schema& schema) {
  schema_pb::CollectionSchema proto;
  const auto bytes = SerializeSchema("c", schema);
  EXPECT_TRUE(bytes.ok()) << bytes.status().ToString();
  EXPECT_TRUE(bytes.ok() && proto.ParseFromString(*bytes));
  return proto;
}

// An older server would create a collection from it that accepts no rows.
TEST(SerializeSchema, ATypeThatIsNotSupportedIsRefusedByName) {
  Schema schema = WithText();
  schema.fields.push_back({.id = {102}, .name = "shape", .type = static_cast<DataType>(77)});
  const auto serialized = SerializeSchema("c", schema);
  EXPECT_EQ(serialized.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(serialized.status().message(), "field shape: its type is not supported: type 77");
}

TEST(SerializeSchema, FunctionsGoWithTheirOutputsButWithoutIds) {
  schema_pb::FunctionSchema function;
  function.set_name("bm25");
  function.set_id(7);
  function.set_type(schema_pb::BM25);
  function.add_input_field_names("text");
  function.add_input_field_ids(101);
  function.add_output_field_names("sparse");
  function.add_output_field_ids(102);
  Schema schema = WithText();
  schema.fields.push_back({.id = {102},
                           .name = "sparse",
                           .type = DataType::kSparseFloatVector,
                           .is_function_output = true});
  schema.functions = {function.SerializeAsString()};
  const schema_pb::CollectionSchema proto = Serialized(schema);
  ASSERT_EQ(proto.fields_size(), 3);
  EXPECT_TRUE(proto.fields(2).is_function_output());
  ASSERT_EQ(proto.functions_size(), 1);
  EXPECT_EQ(proto.functions(0).name(), "bm25");
  EXPECT_EQ(proto.functions(0).type(), schema_pb::BM25);
  EXPECT_EQ(proto.functions(0).input_field_names(0), "text");
  EXPECT_EQ(proto.functions(0).output_field_names(0), "sparse");
  EXPECT_EQ(proto.functions(0).id(), 0);
  EXPECT_EQ(proto.functions(0).input_field_ids_size(), 0);
  EXPECT_EQ(proto.functions(0).output_field_ids_size(), 0);
}

TEST(SerializeSchema, NullableFieldsAndDefaultValues) {
  schema_pb::ValueField value;
  value.set_int_data(-5);
  Schema schema = WithText();
  schema.fields.push_back({.id = {102},
                           .name = "n",
                           .type = DataType::kInt8,
                           .default_value = value.SerializeAsString(),
                           .nullable = true});
  const schema_pb::CollectionSchema proto = Serialized(schema);
  ASSERT_EQ(proto.fields_size(), 3);
  EXPECT_TRUE(proto.fields(2).nullable());
  EXPECT_FALSE(proto.fields(1).nullable());
  EXPECT_EQ(proto.fields(2).default_value().int_data(), -5);
  EXPECT_FALSE(proto.fields(1).has_default_value());
  EXPECT_EQ(SchemaFromProto(proto).fields[2].default_value, schema.fields[2].default_value);
}

TEST(SerializeSchema, ABrokenDefaultValueIsNamed) {
  Schema schema = WithText();
  schema.fields[1].default_value = "\xff";
  const auto serialized = SerializeSchema("c", schema);
  EXPECT_EQ(serialized.status().code(), StatusCode::kDataLoss);
  EXPECT_THAT(serialized.status().message(), ::testing::HasSubstr("text"));
}

}  // namespace
}  // namespace cdc
