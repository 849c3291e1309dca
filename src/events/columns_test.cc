// How the columns of a message become the fields of events: nulls, defaults, columns that are
// missing, unexpected, split or damaged.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "events/testing/event_rows.h"
#include "wire/wire_writer.h"

namespace cdc {
namespace {

using ::milvus::proto::schema::FieldData;
using ::milvus::proto::schema::ValueField;
using nlohmann::json;
using ::testing::HasSubstr;

Schema WithNumber() { return SchemaOf({KeyField(), MakeField(101, "n", DataType::kInt64)}); }

TEST(Columns, NullsHavePlaceholdersInTheLog) {
  FieldData data = LongField(101, "n", {5, 0, 7});
  for (const bool valid : {true, false, true}) {
    data.add_valid_data(valid);
  }
  const auto events = Write(WithNumber(), RowsOf({Keys({1, 2, 3}), data}, 3));
  ASSERT_TRUE(events.ok()) << events.status().ToString();
  EXPECT_EQ((*events)[0].After()["n"], 5);
  EXPECT_EQ((*events)[1].After()["n"], nullptr);
  EXPECT_EQ((*events)[2].After()["n"], 7);
}

TEST(Columns, AKeyIsNeverNull) {
  FieldData keys = Keys({1});
  keys.add_valid_data(false);
  const auto events = Write(SchemaOf({KeyField()}), RowsOf({keys}, 1));
  EXPECT_EQ(events.status().code(), StatusCode::kDataLoss);
}

TEST(Columns, AMissingColumnIsNullOrTheDefault) {
  const auto with_default = [](int64_t id, const char* name, DataType type, auto set) {
    Field field = MakeField(id, name, type);
    ValueField value;
    set(&value);
    field.default_value = value.SerializeAsString();
    return field;
  };
  // The protobuf that we have does not know this member.
  Field time = MakeField(109, "time", DataType::kTimestamptz);
  time.default_value = "\x40\x01";
  const Schema schema = SchemaOf(
      {KeyField(), MakeField(101, "none", DataType::kVarChar),
       with_default(102, "bool", DataType::kBool, [](auto* v) { v->set_bool_data(true); }),
       with_default(103, "int", DataType::kInt8, [](auto* v) { v->set_int_data(-3); }),
       with_default(104, "long", DataType::kInt64, [](auto* v) { v->set_long_data(1LL << 40); }),
       with_default(105, "float", DataType::kFloat, [](auto* v) { v->set_float_data(0.1F); }),
       with_default(106, "double", DataType::kDouble, [](auto* v) { v->set_double_data(0.1); }),
       with_default(107, "text", DataType::kVarChar, [](auto* v) { v->set_string_data("a\"b"); }),
       with_default(108, "json", DataType::kJson, [](auto* v) { v->set_bytes_data("{}"); }), time});
  const auto events = Write(schema, RowsOf({Keys({1})}, 1));
  ASSERT_TRUE(events.ok()) << events.status().ToString();
  EXPECT_EQ((*events)[0].After(), json({{"id", 1},
                                        {"none", nullptr},
                                        {"bool", true},
                                        {"int", -3},
                                        {"long", 1LL << 40},
                                        {"float", 0.1},
                                        {"double", 0.1},
                                        {"text", "a\"b"},
                                        {"json", "{}"},
                                        {"time", "1970-01-01T00:00:00.000001Z"}}));
}

TEST(Columns, AMalformedDefaultIsNamed) {
  Schema schema = WithNumber();
  for (const std::string& bytes : {std::string("\x18", 1), std::string("\x48\x01", 2),
                                   std::string("\x1a\x00", 2), std::string("\x22\x00", 2)}) {
    schema.fields[1].default_value = bytes;
    const auto encoder = RowEventEncoder::New(kEventCollection, schema, TestEventOptions());
    ASSERT_EQ(encoder.status().code(), StatusCode::kDataLoss);
    EXPECT_THAT(encoder.status().message(), HasSubstr(": n"));
  }
}

TEST(Columns, DynamicFieldsAreOneJsonText) {
  Schema schema = SchemaOf({KeyField()});
  schema.enable_dynamic_field = true;
  FieldData dynamic;
  dynamic.set_field_id(101);
  dynamic.set_field_name("any name");
  dynamic.set_is_dynamic(true);
  dynamic.set_type(::milvus::proto::schema::JSON);
  dynamic.mutable_scalars()->mutable_json_data()->add_data(R"({"x":1})");
  const auto events = Write(schema, RowsOf({dynamic, Keys({1})}, 1));
  ASSERT_TRUE(events.ok()) << events.status().ToString();
  EXPECT_EQ((*events)[0].After(), json({{"id", 1}, {"$meta", R"({"x":1})"}}));
  const auto without = Write(SchemaOf({KeyField()}), RowsOf({dynamic, Keys({1})}, 1));
  EXPECT_EQ(without.status().code(), StatusCode::kFailedPrecondition);
}

TEST(Columns, AreFoundByIdOrElseByName) {
  FieldData renamed = LongField(101, "before", {5});
  const auto by_id = Write(WithNumber(), RowsOf({renamed, Keys({1})}, 1));
  ASSERT_TRUE(by_id.ok()) << by_id.status().ToString();
  EXPECT_EQ((*by_id)[0].After()["n"], 5);
  const auto by_name = Write(WithNumber(), RowsOf({LongField(0, "n", {6}), Keys({1})}, 1));
  ASSERT_TRUE(by_name.ok()) << by_name.status().ToString();
  EXPECT_EQ((*by_name)[0].After()["n"], 6);
}

TEST(Columns, AnAlteredCollectionIsNamed) {
  const auto unknown =
      Write(SchemaOf({KeyField()}), RowsOf({Keys({1}), LongField(7, "x", {1})}, 1));
  EXPECT_EQ(unknown.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(unknown.status().message(), HasSubstr("no field for column \"x\""));
  const auto other = Write(WithNumber(), RowsOf({Keys({1}), VarCharField(101, "n", {"1"})}, 1));
  EXPECT_EQ(other.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(other.status().message(), HasSubstr("VarChar"));
  const MessagePtr texts = MakeDelete(std::vector<std::string>{"a"});
  EXPECT_EQ(Write(WithNumber(), *texts, RowChange::kDelete).status().code(),
            StatusCode::kFailedPrecondition);
}

TEST(Columns, VectorsAndFunctionOutputsCanBeLeftOut) {
  Schema schema = SchemaOf({KeyField(), MakeField(101, "v", DataType::kFloatVector),
                            MakeField(102, "bm25", DataType::kSparseFloatVector)});
  schema.fields[2].is_function_output = true;
  EventOptions options = TestEventOptions();
  const Message message = RowsOf({Keys({1}), FloatVectorField(101, "v", 1, {1})}, 1);
  const auto events = Write(schema, message);
  ASSERT_TRUE(events.ok()) << events.status().ToString();
  EXPECT_EQ((*events)[0].After(), json({{"id", 1}, {"v", json::array({1})}}));
  options.vectors = VectorFormat::kNone;
  const auto without = Write(schema, message, RowChange::kInsert, options);
  ASSERT_TRUE(without.ok()) << without.status().ToString();
  EXPECT_EQ((*without)[0].After(), json({{"id", 1}}));
}

// A message with a column `n` of three rows, whose bytes are these.
Message WithBody(DataType type, std::string_view body, ColumnKind kind, int form, int64_t dim) {
  Message message = RowsOf({Keys({1, 2, 3})}, 3);
  Column column;
  column.field = {101};
  column.name = "n";
  column.type = type;
  column.kind = kind;
  column.oneof_field = form;
  column.dim = dim;
  column.body = body;
  message.columns.push_back(column);
  return message;
}

Message Numbers(std::string_view body) {
  return WithBody(DataType::kInt64, body, ColumnKind::kScalarArray, 3, 0);
}

// Protobuf allows this; no server writes it.
TEST(Columns, ArraysInPieces) {
  const auto events = Write(WithNumber(), Numbers(std::string_view("\x0a\x01\x05\x08\x06\x10\x09"
                                                                   "\x0a\x00\x0a\x01\x07",
                                                                   12)));
  ASSERT_TRUE(events.ok()) << events.status().ToString();
  EXPECT_EQ((*events)[0].After()["n"], 5);
  EXPECT_EQ((*events)[1].After()["n"], 6);
  EXPECT_EQ((*events)[2].After()["n"], 7);
}

TEST(Columns, DamagedNumbers) {
  for (const std::string_view body :
       {std::string_view(""), std::string_view("\x0a\x02\x05\x06", 4),  // too few
        std::string_view("\x0a\x04\x05\x06\x07\x08", 6),                // too many
        std::string_view("\x0a\x03\x05\x06\x87", 5),                    // the last is cut off
        std::string_view("\x0a\x09\x05\x06\x07", 5),                    // longer than the body
        std::string_view("\x0f", 1)}) {
    const auto events = Write(WithNumber(), Numbers(body));
    EXPECT_EQ(events.status().code(), StatusCode::kDataLoss) << testing::PrintToString(body);
    EXPECT_THAT(events.status().message(), HasSubstr("column \"n\""));
  }
}

TEST(Columns, DamagedTextsVectorsAndArrays) {
  const auto expect_loss = [](DataType type, std::string_view body, ColumnKind kind, int form,
                              int64_t dim) {
    Schema schema = SchemaOf({KeyField(), MakeField(101, "n", type)});
    schema.fields[1].element_type = DataType::kInt64;
    const auto events = Write(schema, WithBody(type, body, kind, form, dim));
    EXPECT_EQ(events.status().code(), StatusCode::kDataLoss)
        << DataTypeName(type) << " " << testing::PrintToString(body);
  };
  const auto scalar = ColumnKind::kScalarArray;
  // Two texts, four texts, a number for a text, one that is cut off.
  expect_loss(DataType::kVarChar, std::string_view("\x0a\x00\x0a\x00", 4), scalar, 6, 0);
  expect_loss(DataType::kVarChar, std::string_view("\x0a\x00\x0a\x00\x0a\x00\x0a\x00", 8), scalar,
              6, 0);
  expect_loss(DataType::kVarChar, std::string_view("\x0a\x00\x0a\x00\x08\x00", 6), scalar, 6, 0);
  expect_loss(DataType::kVarChar, std::string_view("\x0a\x00\x0a\x00\x0a\x09", 6), scalar, 6, 0);
  expect_loss(DataType::kFloat,
              std::string_view("\x0a\x04"
                               "aaaa",
                               6),
              scalar, 4, 0);
  expect_loss(DataType::kFloat, std::string_view("\x08\x01\x08\x01\x08\x01", 6), scalar, 4, 0);
  // Vectors with half a row, no dimension, one that overflows.
  expect_loss(DataType::kBinaryVector, "12345", ColumnKind::kVectorBytes, 3, 16);
  expect_loss(DataType::kBinaryVector, "123456", ColumnKind::kVectorBytes, 3, 0);
  expect_loss(DataType::kFloat16Vector, "123456", ColumnKind::kVectorBytes, 4, 1LL << 62);
  expect_loss(DataType::kFloatVector,
              std::string_view("\x0a\x04"
                               "aaaa",
                               6),
              ColumnKind::kVectorArray, 2, 1LL << 62);
  expect_loss(DataType::kSparseFloatVector,
              std::string_view("\x0a\x01"
                               "a\x0a\x00\x0a\x00",
                               7),
              ColumnKind::kVectorArray, 6, 0);
  // An array whose LongArray is cut off, and one of an unknown form.
  expect_loss(DataType::kArray, std::string_view("\x0a\x02\x1a\x05\x0a\x00\x0a\x00", 8), scalar, 8,
              0);
  expect_loss(DataType::kArray, std::string_view("\x0a\x04\x4a\x02\x0a\x00\x0a\x00\x0a\x00", 10),
              scalar, 8, 0);
  expect_loss(DataType::kArray,
              std::string_view("\x0a\x05\x1a\x03\x0a\x01\x80\x0a\x00\x0a\x00", 11), scalar, 8, 0);
}

TEST(Columns, AfterAnErrorTheBufferIsAsBefore) {
  const Schema schema = SchemaOf({KeyField(), MakeField(101, "n", DataType::kSparseFloatVector)});
  auto encoder = RowEventEncoder::New(kEventCollection, schema, TestEventOptions());
  ASSERT_TRUE(encoder.ok());
  const Message message = WithBody(DataType::kSparseFloatVector,
                                   std::string_view("\x0a\x01"
                                                    "a\x0a\x00\x0a\x00",
                                                    7),
                                   ColumnKind::kVectorArray, 6, 0);
  JsonBuffer value;
  value.Append("kept");
  ASSERT_TRUE(encoder->Begin(message, "", kEventTime).ok());
  ASSERT_TRUE(encoder->NextRow().ok());
  EXPECT_EQ(encoder->AppendValue(RowChange::kInsert, &value).code(), StatusCode::kDataLoss);
  EXPECT_EQ(value.text(), "kept");
  ASSERT_TRUE(encoder->NextRow().ok());
  EXPECT_TRUE(encoder->AppendValue(RowChange::kInsert, &value).ok());
}

TEST(Columns, InsertsNeedTheirKeysAndDeletesEnough) {
  EXPECT_EQ(Write(WithNumber(), RowsOf({LongField(101, "n", {1})}, 1)).status().code(),
            StatusCode::kDataLoss);
  Message message = RowsOf({}, 3);
  message.type = MessageType::kDelete;
  message.keys = {false, std::string_view("\x0a\x02\x05\x06", 4)};
  EXPECT_EQ(Write(WithNumber(), message, RowChange::kDelete).status().code(),
            StatusCode::kDataLoss);
}

}  // namespace
}  // namespace cdc
