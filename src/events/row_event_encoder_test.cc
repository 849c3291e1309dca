#include "events/row_event_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "events/testing/event_rows.h"
#include "wire/wire_writer.h"

namespace cdc {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

Schema TextAndVector() {
  return SchemaOf({MakeField(101, "text", DataType::kVarChar), KeyField(),
                   MakeField(102, "v", DataType::kFloatVector)});
}

Message TwoRows() {
  return RowsOf({Keys({1, -2}), VarCharField(101, "text", {"a", "b"}),
                 FloatVectorField(102, "v", 2, {0.5, 1, -1.25, 3})},
                2);
}

json Source(const char* snapshot) {
  return {{"version", "1.2.3"},
          {"connector", "milvus"},
          {"name", "milvus"},
          {"db", "db"},
          {"collection", "c"},
          {"partition", "p1"},
          {"pchannel", "by-dev-rootcoord-dml_3"},
          {"vchannel", kVchannel},
          {"snapshot", snapshot},
          {"ts_ms", 1'700'000'000'500},
          {"ts_us", 1'700'000'000'500'000},
          {"ts_ns", 1'700'000'000'500'000'000},
          {"tso", kRowTime.value},
          {"tso_text", std::to_string(kRowTime.value)}};
}

json Event(const json& before, const json& after, const char* op, const char* snapshot = "false") {
  return {{"before", before},
          {"after", after},
          {"source", Source(snapshot)},
          {"op", op},
          {"ts_ms", 1'700'000'000'123},
          {"ts_us", 1'700'000'000'123'456},
          {"ts_ns", 1'700'000'000'123'456'789},
          {"transaction", nullptr}};
}

TEST(RowEvents, Insert) {
  const auto events = Write(TextAndVector(), TwoRows());
  ASSERT_TRUE(events.ok()) << events.status().ToString();
  ASSERT_EQ(events->size(), 2U);
  EXPECT_EQ((*events)[0].key, R"({"id":1})");
  EXPECT_EQ((*events)[0].Value(), Event(nullptr, {{"text", "a"}, {"id", 1}, {"v", {0.5, 1}}}, "c"));
  EXPECT_EQ((*events)[1].key, R"({"id":-2})");
  EXPECT_EQ((*events)[1].Value(),
            Event(nullptr, {{"text", "b"}, {"id", -2}, {"v", {-1.25, 3}}}, "c"));
}

TEST(RowEvents, FieldsAreInTheOrderOfTheSchema) {
  const auto events = Write(TextAndVector(), TwoRows());
  ASSERT_TRUE(events.ok());
  EXPECT_THAT((*events)[0].value, HasSubstr(R"("after":{"text":"a","id":1,"v":[0.5,1]},)"));
}

TEST(RowEvents, SnapshotSaysSo) {
  const auto events = Write(TextAndVector(), TwoRows(), RowChange::kSnapshot);
  ASSERT_TRUE(events.ok());
  EXPECT_EQ((*events)[0].Value(),
            Event(nullptr, {{"text", "a"}, {"id", 1}, {"v", {0.5, 1}}}, "r", "true"));
}

TEST(RowEvents, UpsertKnowsOnlyTheKeyOfTheRowBefore) {
  const auto events = Write(TextAndVector(), TwoRows(), RowChange::kUpsert);
  ASSERT_TRUE(events.ok());
  EXPECT_EQ((*events)[1].Value(), Event({{"text", nullptr}, {"id", -2}, {"v", nullptr}},
                                        {{"text", "b"}, {"id", -2}, {"v", {-1.25, 3}}}, "u"));
}

TEST(RowEvents, DeleteHasTheKeyAlone) {
  const MessagePtr keys = MakeDelete(std::vector<int64_t>{7, 8});
  Message message = RowsOf({}, 2);
  message.type = MessageType::kDelete;
  message.keys = keys->keys;
  const auto events = Write(TextAndVector(), message, RowChange::kDelete);
  ASSERT_TRUE(events.ok()) << events.status().ToString();
  ASSERT_EQ(events->size(), 2U);
  EXPECT_EQ((*events)[1].key, R"({"id":8})");
  EXPECT_EQ((*events)[1].Value(),
            Event({{"text", nullptr}, {"id", 8}, {"v", nullptr}}, nullptr, "d"));
}

// An upsert for readers that do not know one.
TEST(RowEvents, RowOfAnInsertAsADeleteAndAnInsert) {
  auto encoder = RowEventEncoder::New(kEventCollection, TextAndVector(), TestEventOptions());
  ASSERT_TRUE(encoder.ok());
  const Message message = TwoRows();
  ASSERT_TRUE(encoder->Begin(message, "p1", kEventTime).ok());
  ASSERT_TRUE(encoder->NextRow().ok());
  JsonBuffer deleted;
  JsonBuffer inserted;
  ASSERT_TRUE(encoder->AppendValue(RowChange::kDelete, &deleted).ok());
  ASSERT_TRUE(encoder->AppendValue(RowChange::kInsert, &inserted).ok());
  EXPECT_EQ(json::parse(deleted.text()),
            Event({{"text", nullptr}, {"id", 1}, {"v", nullptr}}, nullptr, "d"));
  EXPECT_EQ(json::parse(inserted.text()),
            Event(nullptr, {{"text", "a"}, {"id", 1}, {"v", {0.5, 1}}}, "c"));
}

TEST(RowEvents, TextKeys) {
  const Schema schema = SchemaOf({KeyField(DataType::kVarChar)});
  const auto events =
      Write(schema, RowsOf({VarCharField(100, "id", {"", "a\"b\\", "\xC3\xA4"})}, 3));
  ASSERT_TRUE(events.ok()) << events.status().ToString();
  EXPECT_EQ((*events)[0].key, R"({"id":""})");
  EXPECT_EQ((*events)[1].key, R"({"id":"a\"b\\"})");
  EXPECT_EQ((*events)[2].key, "{\"id\":\"\xC3\xA4\"}");
  const MessagePtr keys = MakeDelete(std::vector<std::string>{"k"});
  const auto deleted = Write(schema, *keys, RowChange::kDelete);
  ASSERT_TRUE(deleted.ok()) << deleted.status().ToString();
  EXPECT_EQ((*deleted)[0].key, R"({"id":"k"})");
}

// U+FFFD in its place would make one key of two.
TEST(RowEvents, AKeyThatIsNotUtf8IsRefused) {
  const Schema schema = SchemaOf({KeyField(DataType::kVarChar)});
  const MessagePtr keys = MakeDelete(std::vector<std::string>{"fine", "a\xFFz"});
  const auto events = Write(schema, *keys, RowChange::kDelete);
  EXPECT_EQ(events.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(events.status().message(), HasSubstr("\"a\xEF\xBF\xBDz\""));
}

TEST(RowEvents, EachRowHasItsTime) {
  Message message = TwoRows();
  std::string times;
  wire::AppendVarint(Timestamp::FromUnixMs(5, 1).value, &times);
  wire::AppendVarint(Timestamp::FromUnixMs(6).value, &times);
  message.row_times = times;
  const auto events = Write(TextAndVector(), message);
  ASSERT_TRUE(events.ok());
  EXPECT_EQ((*events)[0].Value()["source"]["ts_us"], 5000);
  EXPECT_EQ((*events)[0].Value()["source"]["tso"], (5U << 18U) + 1);
  EXPECT_EQ((*events)[1].Value()["source"]["tso_text"], std::to_string(6U << 18U));
  message.row_times = std::string_view(times).substr(0, 3);
  EXPECT_EQ(Write(TextAndVector(), message).status().code(), StatusCode::kDataLoss);
}

TEST(RowEvents, WhatIsNotKnownOfTheSourceIsNull) {
  auto encoder = RowEventEncoder::New(kEventCollection, TextAndVector(), TestEventOptions());
  ASSERT_TRUE(encoder.ok());
  Message message = TwoRows();
  message.vchannel = "";
  JsonBuffer value;
  ASSERT_TRUE(encoder->Begin(message, "", kEventTime).ok());
  ASSERT_TRUE(encoder->NextRow().ok());
  ASSERT_TRUE(encoder->AppendValue(RowChange::kInsert, &value).ok());
  const json source = json::parse(value.text())["source"];
  EXPECT_EQ(source["partition"], nullptr);
  EXPECT_EQ(source["pchannel"], nullptr);
  EXPECT_EQ(source["vchannel"], nullptr);
}

TEST(RowEvents, AutomaticKeysAreOrdinaryOnes) {
  Schema schema = TextAndVector();
  schema.fields[1].auto_id = true;
  const auto events = Write(schema, TwoRows());
  ASSERT_TRUE(events.ok());
  EXPECT_EQ((*events)[1].After()["id"], -2);
}

TEST(RowEvents, NoRows) {
  const auto events = Write(TextAndVector(), RowsOf({}, 0));
  ASSERT_TRUE(events.ok());
  EXPECT_TRUE(events->empty());
}

TEST(RowEvents, CollectionsWithoutEvents) {
  const Schema no_key = SchemaOf({MakeField(101, "n", DataType::kInt64)});
  const auto without = RowEventEncoder::New(kEventCollection, no_key, TestEventOptions());
  EXPECT_EQ(without.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(without.status().message(), HasSubstr("no primary key: db.c"));
  const Schema odd_key = SchemaOf({KeyField(DataType::kDouble)});
  const auto odd = RowEventEncoder::New(kEventCollection, odd_key, TestEventOptions());
  EXPECT_EQ(odd.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(odd.status().message(), HasSubstr("field id: a primary key of this type"));
  const Schema structs = SchemaOf({KeyField(), MakeField(101, "s", DataType::kArrayOfStruct)});
  EXPECT_EQ(RowEventEncoder::New(kEventCollection, structs, TestEventOptions()).status().code(),
            StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace cdc
