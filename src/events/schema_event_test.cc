#include "events/schema_event.h"

#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "events/collection_state.h"

namespace cdc {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const CollectionName kName{"db", "c"};
constexpr Timestamp kTime = Timestamp::FromUnixMs(1'700'000'000'500, 7);
constexpr EventTime kNow{1'700'000'000'123'456'789};

EventOptions Options() { return {.name = "milvus", .version = "1.2.3"}; }

TargetCollection Collection() {
  Field key;
  key.id = {100};
  key.name = "id";
  key.type = DataType::kInt64;
  key.is_primary_key = true;
  key.auto_id = true;
  Field tags;
  tags.id = {101};
  tags.name = "tags";
  tags.description = "d\n\"";
  tags.type = DataType::kArray;
  tags.element_type = DataType::kVarChar;
  tags.type_params = {{"max_length", "8"}, {"max_capacity", "4"}};
  tags.nullable = true;
  Field number;
  number.id = {105};
  number.name = "n";
  number.type = DataType::kInt64;
  number.default_value = std::string("\x18\x07", 2);  // long_data
  number.is_partition_key = true;
  number.is_clustering_key = true;
  Field sparse;
  sparse.id = {106};
  sparse.name = "bm25";
  sparse.type = DataType::kSparseFloatVector;
  sparse.is_function_output = true;
  TargetCollection collection;
  collection.identity = "450/123";
  collection.schema.description = "all of it";
  collection.schema.fields = {key, tags, number, sparse};
  collection.schema.functions = {std::string("\x0a\x00\xff", 3)};
  collection.schema.enable_dynamic_field = true;
  collection.shards = 3;
  collection.partitions = {"_default", "p1"};
  collection.default_partition = "_default";
  collection.properties = {{"ttl", "60"}, {"a", ""}};
  collection.aliases = {"x", "y"};
  collection.indexes = {{.field = "bm25", .name = "i", .params = {{"metric_type", "BM25"}}}};
  collection.loaded = true;
  collection.loaded_partitions = {"p1"};
  collection.replicas = 2;
  collection.loads_partitions = false;
  return collection;
}

json Event(const Ddl& ddl, const TargetCollection* after = nullptr) {
  return json::parse(EncodeSchemaEvent(ddl, after, kTime, kNow, Options()));
}

TEST(SchemaEvents, SayWhatIsDoneWhereAndWhen) {
  const TargetCollection after = Collection();
  json event = Event(CreatePartition{kName, "p1"}, &after);
  EXPECT_EQ(event["collection"], json(CollectionJson(after)));
  event.erase("collection");
  EXPECT_EQ(event, json({{"source",
                          {{"version", "1.2.3"},
                           {"connector", "milvus"},
                           {"name", "milvus"},
                           {"db", "db"},
                           {"collection", "c"},
                           {"partition", nullptr},
                           {"pchannel", nullptr},
                           {"vchannel", nullptr},
                           {"snapshot", "false"},
                           {"ts_ms", 1'700'000'000'500},
                           {"ts_us", 1'700'000'000'500'000},
                           {"ts_ns", 1'700'000'000'500'000'000},
                           {"tso", kTime.value},
                           {"tso_text", std::to_string(kTime.value)}}},
                         {"ts_ms", 1'700'000'000'123},
                         {"ts_us", 1'700'000'000'123'456},
                         {"ts_ns", 1'700'000'000'123'456'789},
                         {"operation", "CreatePartition"},
                         {"description", "create partition p1 of db.c"},
                         {"details", {{"partition", "p1"}}}}));
}

TEST(SchemaEvents, TheFullSchemaIsReadable) {
  const TargetCollection after = Collection();
  const json fields = Event(Flush{kName}, &after)["collection"]["schema"]["fields"];
  ASSERT_EQ(fields.size(), 4U);
  EXPECT_EQ(fields[0]["type"], "Int64");
  EXPECT_EQ(fields[1]["element_type"], "VarChar");
  EXPECT_EQ(fields[1]["params"][1], json({{"key", "max_capacity"}, {"value", "4"}}));
  EXPECT_EQ(fields[2]["default"], 7);
  EXPECT_FALSE(fields[1].contains("default"));
}

struct Case {
  Ddl ddl;
  json details;
};

// Each alternative of Ddl once.
std::vector<Case> EveryOperation() {
  const std::vector<KeyValue> pairs = {{"k", "v"}};
  const json properties = {{"k", "v"}};
  return {{CreateDatabase{"db"}, json::object()},
          {DropDatabase{"db"}, json::object()},
          {AlterDatabase{"db", pairs}, {{"properties", properties}}},
          {CreateCollection{.name = kName, .shards = 2, .num_partitions = 16, .properties = pairs},
           {{"shards", 2},
            {"consistency_level", 2},
            {"num_partitions", 16},
            {"properties", properties}}},
          {DropCollection{kName}, json::object()},
          {RenameCollection{{"other", "old"}, kName},
           {{"from", {{"database", "other"}, {"collection", "old"}}}}},
          {AlterCollection{kName, pairs}, {{"properties", properties}}},
          {SetAlias{kName, "x"}, {{"alias", "x"}}},
          {DropAlias{kName, "x"}, {{"alias", "x"}}},
          {CreatePartition{kName, "p"}, {{"partition", "p"}}},
          {DropPartition{kName, "p"}, {{"partition", "p"}}},
          {CreateIndex{kName, "v", "i", pairs},
           {{"field", "v"}, {"index", "i"}, {"params", properties}}},
          {DropIndex{kName, "v", "i"}, {{"field", "v"}, {"index", "i"}}},
          {LoadCollection{kName, 2}, {{"replicas", 2}}},
          {ReleaseCollection{kName}, json::object()},
          {LoadPartitions{kName, {"p"}, 2}, {{"partitions", {"p"}}, {"replicas", 2}}},
          {ReleasePartitions{kName, {"p"}}, {{"partitions", {"p"}}}},
          {Flush{kName}, json::object()}};
}

TEST(SchemaEvents, EveryOperation) {
  std::set<size_t> alternatives;
  for (const Case& each : EveryOperation()) {
    const std::string name = KindName(each.ddl);
    alternatives.insert(each.ddl.index());
    const json event = Event(each.ddl);
    EXPECT_EQ(event["operation"], name);
    EXPECT_EQ(event["details"], each.details) << name;
    EXPECT_EQ(event["description"], Describe(each.ddl));
    EXPECT_EQ(event["collection"], nullptr);
    EXPECT_EQ(event["source"]["db"], "db") << name;
    const bool of_database = name.find("Database") != std::string::npos;
    EXPECT_EQ(event["source"]["collection"], of_database ? json() : json("c")) << name;
    EXPECT_EQ(SubjectOf(each.ddl), (CollectionName{"db", of_database ? "" : "c"})) << name;
  }
  EXPECT_EQ(alternatives.size(), std::variant_size_v<Ddl>);
}

TEST(SchemaEvents, BytesThatAreNotUtf8AreReplaced) {
  EXPECT_EQ(Event(SetAlias{kName, "\xFF"})["details"]["alias"], "\xEF\xBF\xBD");
}

TEST(CollectionState, ComesBack) {
  for (const TargetCollection& collection : {Collection(), TargetCollection{}}) {
    const auto decoded = DecodeCollectionState(EncodeCollectionState(collection));
    ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
    EXPECT_EQ(*decoded, collection);
  }
}

TEST(CollectionState, KeysComeBack) {
  EXPECT_EQ(EncodeStateKey(kName), R"({"database":"db","collection":"c"})");
  EXPECT_EQ(EncodeStateKey({"db", ""}), R"({"database":"db","collection":null})");
  for (const CollectionName& name : {kName, CollectionName{"db", ""}}) {
    const auto decoded = DecodeStateKey(EncodeStateKey(name));
    ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
    EXPECT_EQ(*decoded, name);
  }
}

TEST(CollectionState, WhatCannotBeReadIsNamed) {
  const auto changed = [](const char* path, const json& value) {
    json state = json::parse(EncodeCollectionState(Collection()));
    state[json::json_pointer(path)] = value;
    return state.dump();
  };
  for (const std::string& text :
       {std::string(), std::string("null"), std::string("[]"), std::string(R"({"format":1})"),
        changed("/shards", 1.5), changed("/shards", 1LL << 40), changed("/shards", "3"),
        changed("/schema/functions/0", "?"), changed("/schema/fields/0/name", 1),
        changed("/schema/fields", 7), changed("/aliases", json::object({{"a", 1}}))}) {
    const auto decoded = DecodeCollectionState(text);
    ASSERT_FALSE(decoded.ok()) << text;
    EXPECT_EQ(decoded.status().code(), StatusCode::kDataLoss) << text;
    EXPECT_THAT(decoded.status().message(), HasSubstr("the state of a collection cannot be read"));
  }
  for (const char* key : {"", "1", "{}", R"({"database":1,"collection":"c"})"}) {
    EXPECT_EQ(DecodeStateKey(key).status().code(), StatusCode::kDataLoss) << key;
  }
}

TEST(CollectionState, OfALaterVersionIsRefused) {
  const auto decoded = DecodeCollectionState(R"({"format":2})");
  EXPECT_EQ(decoded.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(decoded.status().message(), HasSubstr("a later version"));
}

}  // namespace
}  // namespace cdc
