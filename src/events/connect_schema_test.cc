#include "events/connect_schema.h"

#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "events/testing/event_rows.h"

namespace cdc {
namespace {

using nlohmann::json;

json FieldNamed(const json& schema, const std::string& name) {
  for (const json& field : schema.at("fields")) {
    if (field.at("field") == name) {
      return field;
    }
  }
  return "no field " + name;
}

// The schema of a field in `after`, without what all have.
json SchemaOfField(DataType type, VectorFormat vectors = VectorFormat::kArray) {
  EventOptions options = TestEventOptions();
  options.vectors = vectors;
  const json envelope = json::parse(
      EnvelopeSchema(kEventCollection, {KeyField(), MakeField(101, "f", type)}, options));
  json field = FieldNamed(FieldNamed(envelope, "after"), "f");
  EXPECT_EQ(field.at("optional"), true);
  field.erase("optional");
  field.erase("field");
  return field;
}

json Plain(const char* type) { return {{"type", type}}; }

json Named(const char* name) { return {{"type", "string"}, {"name", name}, {"version", 1}}; }

TEST(ConnectSchema, EveryType) {
  const std::map<DataType, json> wanted = {
      {DataType::kBool, Plain("boolean")},
      {DataType::kInt8, Plain("int16")},
      {DataType::kInt16, Plain("int16")},
      {DataType::kInt32, Plain("int32")},
      {DataType::kInt64, Plain("int64")},
      {DataType::kFloat, Plain("float")},
      {DataType::kDouble, Plain("double")},
      {DataType::kString, Plain("string")},
      {DataType::kVarChar, Plain("string")},
      {DataType::kText, Plain("string")},
      {DataType::kArray, Plain("string")},
      {DataType::kSparseFloatVector, Plain("string")},
      {DataType::kJson, Named("io.debezium.data.Json")},
      {DataType::kGeometry, Named("io.debezium.data.Json")},
      {DataType::kTimestamptz, Named("io.debezium.time.ZonedTimestamp")},
      {DataType::kBinaryVector, Plain("bytes")},
      {DataType::kFloat16Vector, Plain("bytes")},
      {DataType::kBFloat16Vector, Plain("bytes")},
      {DataType::kInt8Vector, Plain("bytes")},
      {DataType::kFloatVector,
       {{"type", "array"},
        {"items", {{"type", "float"}, {"optional", false}}},
        {"name", "io.debezium.data.vector.FloatVector"},
        {"version", 1}}}};
  for (const auto& [type, schema] : wanted) {
    EXPECT_EQ(SchemaOfField(type), schema) << DataTypeName(type);
  }
  EXPECT_EQ(SchemaOfField(DataType::kFloatVector, VectorFormat::kBase64), Plain("bytes"));
}

TEST(ConnectSchema, OfAKey) {
  EXPECT_EQ(json::parse(KeySchema(kEventCollection, KeyField(), TestEventOptions())),
            json({{"type", "struct"},
                  {"fields", {{{"type", "int64"}, {"optional", false}, {"field", "id"}}}},
                  {"optional", false},
                  {"name", "milvus.db.c.Key"}}));
}

// Whether the value is one of the schema: all fields in it, and no others.
void ExpectOfSchema(const json& value, const json& schema, const std::string& where) {
  if (value.is_null()) {
    EXPECT_EQ(schema.at("optional"), true) << where;
    return;
  }
  const std::string type = schema.at("type");
  if (type == "struct") {
    EXPECT_EQ(value.size(), schema.at("fields").size()) << where;
    for (const json& field : schema.at("fields")) {
      const std::string name = field.at("field");
      ASSERT_TRUE(value.contains(name)) << where << "." << name;
      ExpectOfSchema(value.at(name), field, where + "." + name);
    }
  } else if (type == "array") {
    for (const json& item : value) {
      ExpectOfSchema(item, schema.at("items"), where + "[]");
    }
  } else if (type == "string" || type == "bytes") {
    EXPECT_TRUE(value.is_string()) << where;
  } else if (type == "boolean") {
    EXPECT_TRUE(value.is_boolean()) << where;
  } else if (type == "float" || type == "double") {
    EXPECT_TRUE(value.is_number()) << where;
  } else {
    EXPECT_TRUE(value.is_number_integer()) << where << " " << type;
  }
}

TEST(ConnectSchema, EventsAreOfTheirSchemas) {
  Schema schema = SchemaOf({KeyField(), MakeField(101, "text", DataType::kVarChar),
                            MakeField(102, "v", DataType::kFloatVector)});
  schema.enable_dynamic_field = true;
  const Message message = RowsOf(
      {Keys({1}), VarCharField(101, "text", {"a"}), FloatVectorField(102, "v", 2, {0.5, 1})}, 1);
  for (const RowChange change :
       {RowChange::kSnapshot, RowChange::kInsert, RowChange::kUpsert, RowChange::kDelete}) {
    const auto events = Write(schema, message, change, TestEventOptions(true));
    ASSERT_TRUE(events.ok()) << events.status().ToString();
    const json value = (*events)[0].Value();
    ASSERT_EQ(value.size(), 2U);
    EXPECT_EQ(value.at("schema").at("name"), "milvus.db.c.Envelope");
    ExpectOfSchema(value.at("payload"), value.at("schema"), "payload");
    const json key = json::parse((*events)[0].key);
    ASSERT_EQ(key.size(), 2U);
    ExpectOfSchema(key.at("payload"), key.at("schema"), "key");
    // Without schemas it is the payload alone.
    const auto plain = Write(schema, message, change);
    ASSERT_TRUE(plain.ok());
    EXPECT_EQ((*plain)[0].Value(), value.at("payload"));
    EXPECT_EQ(json::parse((*plain)[0].key), key.at("payload"));
  }
}

TEST(ConnectSchema, NamesAreEscaped) {
  Field field = KeyField();
  field.name = "a\"b\xFF";
  const auto events =
      Write(SchemaOf({field}), RowsOf({LongField(100, "x", {1})}, 1), RowChange::kDelete,
            {.name = "p\"q", .version = "\n", .with_schemas = true});
  ASSERT_TRUE(events.ok()) << events.status().ToString();
  EXPECT_EQ((*events)[0].Value()["payload"]["before"]["a\"b\xEF\xBF\xBD"], 1);
  EXPECT_EQ((*events)[0].Value()["schema"]["name"], "p\"q.db.c.Envelope");
}

}  // namespace
}  // namespace cdc
