#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/testing/task_pipeline_fixture.h"

// What a collection has in addition to its rows: properties, aliases, replicas; and name mappings.
namespace cdc {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Collection Indexed(Collection collection, int replicas) {
  collection.indexes = {
      {.id = {20}, .field = {100}, .name = "i", .params = {{"index_type", "STL_SORT"}}}};
  collection.load = {.loaded = true,
                     .whole_collection = true,
                     .replicas = replicas,
                     .partitions = {kDefaultPartition}};
  return collection;
}

class ReconcilerBesideRowsTest : public TaskPipelineTest {
 protected:
  std::optional<TargetCollection> OnTarget(const std::string& name) {
    return *target_.DescribeCollection({"default", name});
  }
  void ExpectRowsGoOn(const Collection& collection, uint64_t ts) {
    log_.Append(kChannel, InsertRecord(collection, {static_cast<int64_t>(ts)}, ts - 1));
    log_.Append(kChannel, TickRecord(ts));
    EXPECT_TRUE(WaitForCheckpoint(ts));
  }
  static Catalog WithDatabase(Catalog catalog, std::vector<KeyValue> properties = {}) {
    catalog.databases[DatabaseId{7}] = std::make_shared<Database>(
        Database{.id = {7}, .name = "d", .properties = std::move(properties)});
    return catalog;
  }
  Collection c_ = MakeCollection(1, "c", 5);
};

TEST_F(ReconcilerBesideRowsTest, AnAliasMovesFromOneCollectionToAnother) {
  Collection other = MakeCollection(2, "d", 6);
  c_.aliases = {"x", "y"};
  catalog_.Set(MakeCatalog({c_, other}));
  Start();
  ASSERT_TRUE(Eventually([&] { return OnTarget("c") && OnTarget("c")->aliases.size() == 2; }));
  c_.aliases = {"y"};
  other.aliases = {"x"};
  catalog_.Set(MakeCatalog({c_, other}));
  EXPECT_TRUE(Eventually([&] {
    return OnTarget("c")->aliases == std::vector<std::string>{"y"} &&
           OnTarget("d")->aliases == std::vector<std::string>{"x"};
  }));
}

TEST_F(ReconcilerBesideRowsTest, ANameGoesFromAliasToCollectionAndBack) {
  const Collection x = MakeCollection(2, "x", 4);  // older, so it is handled first
  Collection aliased = c_;
  aliased.aliases = {"x"};
  catalog_.Set(MakeCatalog({aliased}));
  Start();
  ASSERT_TRUE(Eventually([&] { return OnTarget("c") && OnTarget("c")->aliases.size() == 1; }));
  catalog_.Set(MakeCatalog({x, c_}));
  ASSERT_TRUE(WaitForDdl("create collection default.x"));
  catalog_.Set(MakeCatalog({aliased}));
  EXPECT_TRUE(Eventually([&] { return OnTarget("c")->aliases.size() == 1; }));
  EXPECT_EQ(failure(), "");
  EXPECT_TRUE(Eventually([&] { return task_->GetStatus().condition == Condition::kOk; }))
      << task_->GetStatus().reason;
}

TEST_F(ReconcilerBesideRowsTest, ACollectionGoesWithItsAliases) {
  c_.aliases = {"x"};
  catalog_.Set(MakeCatalog({c_}));
  Start();
  ASSERT_TRUE(WaitForDdl("set alias x of default.c"));
  catalog_.Set(MakeCatalog({}));
  EXPECT_TRUE(WaitForDdl("drop collection default.c"));
  EXPECT_EQ(failure(), "");
}

TEST_F(ReconcilerBesideRowsTest, PropertiesFollow) {
  c_.properties = {{"collection.ttl.seconds", "60"}, {"replicate.id", "mine"}};
  catalog_.Set(MakeCatalog({c_}));
  Start();
  ASSERT_TRUE(Eventually([&] { return OnTarget("c").has_value(); }));
  EXPECT_THAT(OnTarget("c")->properties, ElementsAre(KeyValue{"collection.ttl.seconds", "60"}));
  c_.properties[0].value = "90";
  catalog_.Set(MakeCatalog({c_}));
  EXPECT_TRUE(WaitForDdl("alter collection default.c"));
  EXPECT_THAT(OnTarget("c")->properties, ElementsAre(KeyValue{"collection.ttl.seconds", "90"}));
}

TEST_F(ReconcilerBesideRowsTest, ARefusedPropertyDoesNotStopTheRows) {
  catalog_.Set(MakeCatalog({c_}));
  Start();
  ASSERT_TRUE(WaitForDdl("create collection default.c"));
  ExpectRowsGoOn(c_, 20);
  target_.FailNextDdl(InvalidArgumentError("no such property"));
  c_.properties = {{"odd", "1"}};
  catalog_.Set(MakeCatalog({c_}));
  ASSERT_TRUE(Eventually([&] { return task_->GetStatus().condition == Condition::kWaiting; }));
  EXPECT_THAT(task_->GetStatus().reason, HasSubstr("properties of default.c: "));
  ExpectRowsGoOn(c_, 30);
  EXPECT_THAT(Ddls(), Not(Contains("alter collection default.c")));
  c_.properties = {{"odd", "2"}};
  catalog_.Set(MakeCatalog({c_}));
  EXPECT_TRUE(WaitForDdl("alter collection default.c"));
  EXPECT_TRUE(Eventually([&] { return task_->GetStatus().condition == Condition::kOk; }));
}

TEST_F(ReconcilerBesideRowsTest, AnotherNumberOfReplicas) {
  catalog_.Set(MakeCatalog({Indexed(c_, 1)}));
  Start();
  ASSERT_TRUE(WaitForDdl("load collection default.c"));
  catalog_.Set(MakeCatalog({Indexed(c_, 2)}));
  EXPECT_TRUE(WaitForDdl("release collection default.c"));
  EXPECT_TRUE(Eventually([&] { return OnTarget("c")->replicas == 2; }));
}

TEST_F(ReconcilerBesideRowsTest, ATargetWithTooFewNodesStaysSearchable) {
  catalog_.Set(MakeCatalog({c_}));
  Start();
  ASSERT_TRUE(WaitForDdl("create collection default.c"));
  ExpectRowsGoOn(c_, 20);
  c_.indexes = Indexed(c_, 1).indexes;
  catalog_.Set(MakeCatalog({c_}));
  ASSERT_TRUE(WaitForDdl("create index i on default.c.id"));
  target_.FailNextDdl({StatusCode::kUnknown, "nodes not enough"});
  catalog_.Set(MakeCatalog({Indexed(c_, 3)}));
  EXPECT_TRUE(Eventually([&] { return OnTarget("c")->replicas == 1; }));
  EXPECT_TRUE(Eventually([&] { return task_->GetStatus().condition == Condition::kWaiting; }));
  EXPECT_THAT(task_->GetStatus().reason, HasSubstr("nodes not enough"));
}

TEST_F(ReconcilerBesideRowsTest, IndexesAndLoadCanBeLeftToTheTarget) {
  spec_.sync_index = false;
  spec_.sync_load = false;
  catalog_.Set(MakeCatalog({Indexed(c_, 1)}));
  Start();
  ExpectRowsGoOn(c_, 20);
  EXPECT_THAT(Ddls(), ElementsAre("create collection default.c"));
}

TEST_F(ReconcilerBesideRowsTest, DefaultPartitionsAreOneWhateverTheyAreCalled) {
  target_.NameDefaultPartition("my_default");
  catalog_.Set(MakeCatalog({c_}));
  Start();
  ExpectRowsGoOn(c_, 20);
  EXPECT_EQ(target_.batches().back().batch.partition, "my_default");
  EXPECT_THAT(Ddls(), ElementsAre("create collection default.c"));
  c_.partitions.push_back({.id = {11}, .name = "my_default"});
  catalog_.Set(MakeCatalog({c_}));
  ASSERT_TRUE(Eventually([&] { return !failure().empty(); }));
  EXPECT_THAT(failure(), HasSubstr("default partition"));
}

TEST_F(ReconcilerBesideRowsTest, PropertiesOfADatabaseFollow) {
  catalog_.Set(WithDatabase(MakeCatalog({}), {{"database.replica.number", "1"}}));
  Start();
  EXPECT_TRUE(WaitForDdl("alter database d"));
}

TEST_F(ReconcilerBesideRowsTest, ARefusedPropertyOfADatabaseDoesNotStopTheRows) {
  catalog_.Set(WithDatabase(MakeCatalog({c_})));
  Start();
  ExpectRowsGoOn(c_, 20);
  target_.FailNextDdl({StatusCode::kUnimplemented, "unknown method"});
  catalog_.Set(WithDatabase(MakeCatalog({c_}), {{"database.replica.number", "1"}}));
  ASSERT_TRUE(Eventually([&] { return task_->GetStatus().condition == Condition::kWaiting; }));
  EXPECT_THAT(task_->GetStatus().reason, HasSubstr("database d: "));
  ExpectRowsGoOn(c_, 30);
}

TEST_F(ReconcilerBesideRowsTest, NamesAreMapped) {
  spec_.name_mapping = {{"default", "other", {{"c", "c2"}}}, {"d", "d2", {}}};
  Catalog catalog = WithDatabase(MakeCatalog({c_}));
  Collection in_d = MakeCollection(2, "k", 6);
  in_d.database = {7};
  catalog.collections[in_d.id] = std::make_shared<const Collection>(in_d);
  catalog.IndexNames();
  catalog_.Set(catalog);
  Start();
  EXPECT_TRUE(WaitForDdl("create collection other.c2"));
  EXPECT_TRUE(WaitForDdl("create collection d2.k"));
  ExpectRowsGoOn(c_, 20);
  EXPECT_EQ(target_.batches().back().batch.target, (CollectionName{"other", "c2"}));
  catalog_.Set(MakeCatalog({}));
  EXPECT_TRUE(WaitForDdl("drop database d2"));
  EXPECT_TRUE(WaitForDdl("drop collection other.c2"));
  EXPECT_THAT(Ddls(), Not(Contains("drop database other")));
  EXPECT_THAT(Ddls(), Not(Contains("create database d")));
}

}  // namespace
}  // namespace cdc
