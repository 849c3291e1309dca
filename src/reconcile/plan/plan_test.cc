#include "reconcile/plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const CollectionName kName{"default", "c"};

Collection Source() {
  Collection source;
  source.id = {1};
  source.name = kName.collection;
  source.shards = 2;
  source.schema.fields = {
      {.id = {100},
       .name = "id",
       .type = DataType::kInt64,
       .is_primary_key = true,
       .auto_id = true},
      {.id = {101}, .name = "v", .type = DataType::kFloatVector, .type_params = {{"dim", "8"}}}};
  source.partitions = {{.id = {10}, .name = "_default"}, {.id = {11}, .name = "p"}};
  return source;
}

TargetCollection Actual() {
  TargetCollection actual;
  actual.schema = Source().schema;
  actual.schema.fields[0].auto_id = false;
  actual.partitions = {"_default", "p"};
  return actual;
}

Index HnswIndex() {
  return {.id = {20},
          .field = {101},
          .name = "v",
          .params = {{"index_type", "HNSW"}, {"metric_type", "L2"}, {"params", R"({"M":8})"}}};
}

std::vector<std::string> Plan(const Collection& source,
                              const TargetCollection& actual,
                              const PlanOptions& options = {}) {
  std::vector<std::string> texts;
  for (const Ddl& ddl : PlanCollection(source, kName, actual, options)) {
    texts.push_back(Describe(ddl));
  }
  return texts;
}

TEST(PlanTest, EqualNeedsNothing) { EXPECT_THAT(Plan(Source(), Actual()), IsEmpty()); }

TEST(PlanTest, CreateTurnsAutoIdOff) {
  const CreateCollection create = PlanCreate(Source(), kName);
  EXPECT_FALSE(create.schema.fields[0].auto_id);
  EXPECT_EQ(create.shards, 2);
  EXPECT_EQ(create.num_partitions, 0);
}

TEST(PlanTest, PartitionKeyKeepsTheNumberOfPartitions) {
  Collection source = Source();
  source.schema.fields.push_back(
      {.id = {102}, .name = "k", .type = DataType::kInt64, .is_partition_key = true});
  EXPECT_EQ(PlanCreate(source, kName).num_partitions, 2);
}

TEST(PlanTest, MissingPartitionsAreCreatedAndExtraOnesLeft) {
  TargetCollection actual = Actual();
  actual.partitions = {"_default", "other"};
  EXPECT_THAT(Plan(Source(), actual), ElementsAre("create partition p of default.c"));
}

TEST(PlanTest, IndexThenLoad) {
  Collection source = Source();
  source.indexes = {HnswIndex()};
  source.load = {.loaded = true, .whole_collection = true, .partitions = {{10}, {11}}};
  EXPECT_THAT(Plan(source, Actual()),
              ElementsAre("create index v on default.c.v", "load collection default.c"));
}

TEST(PlanTest, ReleaseThenDropIndex) {
  TargetCollection actual = Actual();
  actual.indexes = {{.field = "v", .name = "v", .params = HnswIndex().params}};
  actual.loaded = true;
  actual.loaded_partitions = {"_default", "p"};
  EXPECT_THAT(Plan(Source(), actual),
              ElementsAre("release collection default.c", "drop index v on default.c.v"));
}

TEST(PlanTest, AnotherIndexReplacesTheOneOfALoadedCollection) {
  Collection source = Source();
  source.indexes = {HnswIndex()};
  source.load = {.loaded = true, .whole_collection = true, .partitions = {{10}, {11}}};
  TargetCollection actual = Actual();
  actual.indexes = {
      {.field = "v", .name = "v", .params = {{"index_type", "FLAT"}, {"metric_type", "L2"}}}};
  actual.loaded = true;
  actual.loaded_partitions = {"_default", "p"};
  EXPECT_THAT(Plan(source, actual),
              ElementsAre("release collection default.c", "drop index v on default.c.v",
                          "create index v on default.c.v", "load collection default.c"));
}

TEST(PlanTest, SomePartitionsLoaded) {
  Collection source = Source();
  source.load = {.loaded = true, .whole_collection = false, .partitions = {{11}}};
  TargetCollection actual = Actual();
  EXPECT_THAT(Plan(source, actual), ElementsAre("load partitions p of default.c"));
  actual.loaded = true;
  actual.loaded_partitions = {"_default"};
  EXPECT_THAT(Plan(source, actual), ElementsAre("release partitions _default of default.c",
                                                "load partitions p of default.c"));
}

TEST(PlanTest, OnePartitionOfALoadedCollectionIsReleased) {
  Collection source = Source();
  source.load = {.loaded = true, .whole_collection = true, .partitions = {{10}}};
  TargetCollection actual = Actual();
  actual.loaded = true;
  actual.loaded_partitions = {"_default", "p"};
  EXPECT_THAT(Plan(source, actual), ElementsAre("release partitions p of default.c"));
}

TEST(PlanTest, ATargetThatLoadsOnlyWholeCollections) {
  Collection source = Source();
  source.load = {.loaded = true, .whole_collection = false, .partitions = {{11}}};
  TargetCollection actual = Actual();
  actual.loads_partitions = false;
  EXPECT_THAT(Plan(source, actual), ElementsAre("load collection default.c"));
  actual.loaded = true;
  actual.loaded_partitions.insert(actual.partitions.begin(), actual.partitions.end());
  EXPECT_THAT(Plan(source, actual), IsEmpty());
  source.load = {};
  EXPECT_THAT(Plan(source, actual), ElementsAre("release collection default.c"));
}

TEST(PlanTest, ATargetWithoutIndexNames) {
  Collection source = Source();
  source.indexes = {HnswIndex()};
  TargetCollection actual = Actual();
  actual.indexes = {{.field = "v", .name = "", .params = HnswIndex().params}};
  EXPECT_THAT(Plan(source, actual), IsEmpty());
}

TEST(PlanTest, PropertiesOfTheSourceAreSet) {
  Collection source = Source();
  source.properties = {{"collection.ttl.seconds", "60"}, {"replicate.id", "x"}};
  TargetCollection actual = Actual();
  actual.properties = {{"other", "1"}};
  const auto plan = PlanCollection(source, kName, actual, {});
  EXPECT_THAT(plan, ElementsAre(Ddl(AlterCollection{kName, {{"collection.ttl.seconds", "60"}}})));
  actual.properties.push_back({"collection.ttl.seconds", "60"});
  EXPECT_THAT(Plan(source, actual), IsEmpty());
  EXPECT_THAT(PlanCreate(source, kName).properties,
              ElementsAre(KeyValue{"collection.ttl.seconds", "60"}));
}

TEST(PlanTest, MmapChangesWhileReleased) {
  Collection source = Source();
  source.indexes = {HnswIndex()};
  source.load = {.loaded = true, .whole_collection = true, .partitions = {{10}, {11}}};
  source.properties = {{"a", "1"}, {"mmap.enabled", "true"}};
  TargetCollection actual = Actual();
  actual.indexes = {{.field = "v", .name = "v", .params = HnswIndex().params}};
  EXPECT_THAT(Plan(source, actual),
              ElementsAre("alter collection default.c", "alter collection default.c",
                          "load collection default.c"));
  actual.loaded = true;
  actual.loaded_partitions = {"_default", "p"};
  EXPECT_THAT(Plan(source, actual),
              ElementsAre("alter collection default.c", "release collection default.c",
                          "alter collection default.c", "load collection default.c"));
  EXPECT_THAT(Plan(source, actual, {.load = false}),
              ElementsAre("alter collection default.c", "alter collection default.c"));
}

TEST(PlanTest, Aliases) {
  Collection source = Source();
  source.aliases = {"a", "b"};
  TargetCollection actual = Actual();
  actual.aliases = {"b", "c"};
  EXPECT_THAT(Plan(source, actual),
              ElementsAre("drop alias c of default.c", "set alias a of default.c"));
}

TEST(PlanTest, AnotherNumberOfReplicas) {
  Collection source = Source();
  source.load = {
      .loaded = true, .whole_collection = true, .replicas = 2, .partitions = {{10}, {11}}};
  TargetCollection actual = Actual();
  actual.loaded = true;
  actual.loaded_partitions = {"_default", "p"};
  EXPECT_THAT(Plan(source, actual), IsEmpty());  // the number is unknown
  actual.replicas = 2;
  EXPECT_THAT(Plan(source, actual), IsEmpty());
  actual.replicas = 1;
  EXPECT_THAT(Plan(source, actual),
              ElementsAre("release collection default.c", "load collection default.c"));
  EXPECT_THAT(Plan(source, actual, {.refused_replicas = 2}), IsEmpty());
  EXPECT_THAT(Plan(source, actual, {.load = false}), IsEmpty());
  source.load.whole_collection = false;
  source.load.partitions = {{11}};
  EXPECT_THAT(Plan(source, actual),
              ElementsAre("release collection default.c", "load partitions p of default.c"));
}

TEST(PlanTest, TheDefaultPartitionHasTheTargetsName) {
  Collection source = Source();
  source.indexes = {HnswIndex()};
  source.load = {.loaded = true, .whole_collection = false, .partitions = {{10}}};
  TargetCollection actual = Actual();
  actual.indexes = {{.field = "v", .name = "v", .params = HnswIndex().params}};
  actual.partitions = {"p", "mine"};
  actual.default_partition = "mine";
  EXPECT_THAT(Plan(source, actual), ElementsAre("load partitions mine of default.c"));
  actual.loaded = true;
  actual.loaded_partitions = {"mine"};
  EXPECT_THAT(Plan(source, actual), IsEmpty());
  EXPECT_TRUE(CheckPartitions(source, kName, actual).ok());
  source.partitions.push_back({.id = {12}, .name = "mine"});
  EXPECT_EQ(CheckPartitions(source, kName, actual).code(), StatusCode::kFailedPrecondition);
}

TEST(PlanTest, IndexesAreLeftToTheTarget) {
  Collection source = Source();
  source.indexes = {HnswIndex()};
  TargetCollection actual = Actual();
  EXPECT_THAT(Plan(source, actual, {.indexes = false}), IsEmpty());
  actual.indexes = {{.field = "v", .name = "own", .params = {}}};
  source.indexes.clear();
  EXPECT_THAT(Plan(source, actual, {.indexes = false}), IsEmpty());
}

TEST(PlanTest, LoadIsLeftToTheTargetExceptToDropAnIndex) {
  TargetCollection actual = Actual();
  actual.indexes = {{.field = "v", .name = "v", .params = HnswIndex().params}};
  actual.loaded = true;
  actual.loaded_partitions = {"_default"};
  Collection source = Source();
  EXPECT_THAT(Plan(source, actual, {.load = false}),
              ElementsAre("release collection default.c", "drop index v on default.c.v"));
  source.indexes = {HnswIndex()};
  EXPECT_THAT(Plan(source, actual, {.load = false}), IsEmpty());
}

TEST(PlanTest, ADifferentSchemaIsRefusedWithEveryDifference) {
  TargetCollection actual = Actual();
  actual.schema.fields[1].type_params = {{"dim", "16"}};
  actual.schema.enable_dynamic_field = true;
  const Status status = CheckFits(Source(), kName, actual);
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("field v: dim is 8 on the source, 16 on the target"));
  EXPECT_THAT(status.message(), HasSubstr("dynamic field is no on the source, yes on the target"));
}

TEST(PlanTest, ATypeThatIsNotSupportedIsRefusedWithItsCure) {
  Collection source = Source();
  source.schema.fields[1] = {.id = {102}, .name = "clips", .type = DataType::kArrayOfStruct};
  const Status status = CheckReplicable(source, kName, {});
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(),
            "collection default.c: field clips: its type is not supported: ArrayOfStruct: create "
            "the task with this collection in `exclude`");
}

TEST(PlanTest, AKeyThatNoDeleteCanNameIsRefusedWithCures) {
  Collection source = Source();
  source.schema.fields[0].name = "like";
  const Status status = CheckReplicable(source, kName, {.deletes_by = ExpressionDialect::kMilvus});
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  for (const char* part : {"default.c", "\"like\"", "reserved", "standby", "exclude"}) {
    EXPECT_THAT(status.message(), HasSubstr(part));
  }
  EXPECT_TRUE(CheckReplicable(source, kName, {}).ok());
  EXPECT_TRUE(CheckReplicable(Source(), kName, {.deletes_by = ExpressionDialect::kMilvus}).ok());
}

// Milvus reports no type for an index created without one; Milvus Lite requires a type.
TEST(PlanTest, AnIndexWithoutATypeIsTheTargetsChoice) {
  Collection source = Source();
  source.indexes = {{.id = {21}, .field = {100}, .name = "id", .params = {}}};
  TargetCollection actual = Actual();
  const auto shown = [&](std::vector<KeyValue> params) {
    actual.indexes = {{.field = "id", .name = "id", .params = std::move(params)}};
    return Plan(source, actual);
  };
  EXPECT_THAT(shown({}), IsEmpty());
  EXPECT_THAT(shown({{"index_type", "AUTOINDEX"}}), IsEmpty());
  EXPECT_THAT(shown({{"index_type", "INVERTED"}, {"metric_type", "NONE"}}), IsEmpty());
  EXPECT_THAT(shown({{"index_type", "STL_SORT"}}),
              ElementsAre("drop index id on default.c.id", "create index id on default.c.id"));
  source.indexes[0].params = {{"index_type", "STL_SORT"}};
  EXPECT_THAT(shown({}),
              ElementsAre("drop index id on default.c.id", "create index id on default.c.id"));
}

TEST(PlanTest, ATargetThatGeneratesItsOwnKeysIsRefused) {
  TargetCollection actual = Actual();
  actual.schema.fields[0].auto_id = true;
  EXPECT_THAT(CheckFits(Source(), kName, actual).message(), HasSubstr("autoID"));
}

TEST(PlanTest, ATargetThatTakesGeneratedKeysMatchesTheSourcesAutoId) {
  const TargetTraits traits{.keeps_auto_id = true, .same_shards = false};
  Collection source = Source();
  source.schema.fields[0].auto_id = true;
  EXPECT_TRUE(PlanCreate(source, kName, traits).schema.fields[0].auto_id);
  EXPECT_FALSE(PlanCreate(source, kName).schema.fields[0].auto_id);
  TargetCollection actual = Actual();
  EXPECT_THAT(CheckFits(source, kName, actual, traits).message(),
              HasSubstr("autoID is on on the source and off on the target"));
  actual.schema.fields[0].auto_id = true;
  EXPECT_TRUE(CheckFits(source, kName, actual, traits).ok());
}

TEST(PlanTest, ATargetThatKeepsShardsNeedsAsMany) {
  const TargetTraits traits{.keeps_auto_id = false, .same_shards = true};
  TargetCollection actual = Actual();
  actual.shards = Source().shards;
  EXPECT_TRUE(CheckFits(Source(), kName, actual, traits).ok());
  actual.shards += 1;
  EXPECT_TRUE(CheckFits(Source(), kName, actual).ok());
  EXPECT_THAT(CheckFits(Source(), kName, actual, traits).message(), HasSubstr("shards"));
}

TEST(PlanTest, ATargetThatKeepsShardsNeedsAsManyPartitionsForAKey) {
  const TargetTraits traits{.keeps_auto_id = false, .same_shards = true};
  Collection source = Source();
  source.schema.fields[0].auto_id = false;
  source.schema.fields.back().is_partition_key = true;
  TargetCollection actual = Actual();
  actual.schema = source.schema;
  actual.shards = source.shards;
  actual.partitions.assign(source.partitions.size(), "_default");
  EXPECT_TRUE(CheckFits(source, kName, actual, traits).ok());
  actual.partitions.emplace_back("_default_1");
  EXPECT_TRUE(CheckFits(source, kName, actual).ok());
  EXPECT_THAT(CheckFits(source, kName, actual, traits).message(), HasSubstr("partition key has"));
}

}  // namespace
}  // namespace cdc
