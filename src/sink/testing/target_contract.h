#pragma once

#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/index_params.h"
#include "sink/target.h"

// What every Target must do. Runs against the fake and against real servers, so that the fake
// cannot drift. `database` must not exist before; it is dropped at the end.
namespace cdc {

struct TargetContract {
  Target* target;
  std::string database;
  CollectionName things{database, "things"};
  std::string default_partition = "_default";  // on servers with the usual settings

  static Schema SimpleSchema(const std::string& dim = "4") {
    Schema schema;
    schema.fields.push_back(
        {.id = {100}, .name = "id", .type = DataType::kInt64, .is_primary_key = true});
    schema.fields.push_back(
        {.id = {101}, .name = "v", .type = DataType::kFloatVector, .type_params = {{"dim", dim}}});
    return schema;
  }
  static std::vector<KeyValue> HnswParams(const std::string& metric = "L2") {
    return {{"index_type", "HNSW"},
            {"metric_type", metric},
            {"params", "{\"M\": 8, \"efConstruction\": 64}"}};
  }

  Status Apply(const Ddl& ddl) const { return target->metadata().Apply(ddl, {}); }
  Result<std::optional<TargetCollection>> DescribeCollection(const CollectionName& name) const {
    return target->metadata().catalog()->DescribeCollection(name, {});
  }
  Result<std::vector<std::string>> ListDatabases() const {
    return target->metadata().catalog()->ListDatabases({});
  }

  void ExpectOk(const Ddl& ddl) const {
    const Status status = Apply(ddl);
    EXPECT_TRUE(status.ok()) << Describe(ddl) << ": " << status.ToString();
  }
  // Every change may be repeated.
  void ExpectOkTwice(const Ddl& ddl) const {
    ExpectOk(ddl);
    ExpectOk(ddl);
  }
  TargetCollection Look() const {
    auto collection = DescribeCollection(things);
    EXPECT_TRUE(collection.ok()) << collection.status().ToString();
    EXPECT_TRUE(collection.ok() && collection->has_value());
    return collection.ok() && collection->has_value() ? **collection : TargetCollection();
  }

  void Run() const {
    MissingThings();
    Databases();
    Collections();
    Partitions();
    Indexes();
    Loading();
    Properties();
    Aliases();
    Renames();
    Drops();
  }

  void MissingThings() const {
    EXPECT_EQ(DescribeCollection(things)->has_value(), false);
    ExpectOk(DropCollection{things});
    ExpectOk(DropDatabase{database});
  }

  void Databases() const {
    ExpectOkTwice(CreateDatabase{database});
    EXPECT_THAT(*ListDatabases(), ::testing::Contains(database));
    EXPECT_EQ(DescribeCollection(things)->has_value(), false);
    EXPECT_EQ(Apply(CreatePartition{things, "p"}).code(), StatusCode::kNotFound);
    ExpectOk(DropPartition{things, "p"});
    ExpectOk(DropIndex{things, "v", "v_index"});
    ExpectOk(ReleaseCollection{things});
  }

  void Collections() const {
    ExpectOkTwice(CreateCollection{.name = things, .schema = SimpleSchema()});
    EXPECT_EQ(Apply(CreateCollection{.name = things, .schema = SimpleSchema("8")}).code(),
              StatusCode::kAlreadyExists);
    const TargetCollection collection = Look();
    EXPECT_THAT(SchemaDifferences(SimpleSchema(), collection.schema), ::testing::IsEmpty());
    EXPECT_THAT(collection.partitions, ::testing::ElementsAre("_default"));
    EXPECT_THAT(collection.indexes, ::testing::IsEmpty());
    EXPECT_FALSE(collection.loaded);
    EXPECT_FALSE(Apply(DropDatabase{database}).ok());  // not empty
  }

  void Partitions() const {
    ExpectOkTwice(CreatePartition{things, "p1"});
    ExpectOkTwice(CreatePartition{things, "p2"});
    ExpectOkTwice(CreatePartition{things, "p3"});
    ExpectOkTwice(DropPartition{things, "p3"});
    EXPECT_THAT(Look().partitions, ::testing::UnorderedElementsAre("_default", "p1", "p2"));
  }

  void Indexes() const {
    ExpectOkTwice(CreateIndex{things, "v", "v_index", HnswParams()});
    EXPECT_FALSE(Apply(CreateIndex{things, "v", "v_index", HnswParams("IP")}).ok());
    const TargetCollection collection = Look();
    ASSERT_EQ(collection.indexes.size(), 1U);
    EXPECT_EQ(collection.indexes[0].field, "v");
    EXPECT_THAT(collection.indexes[0].name, ::testing::AnyOf("v_index", ""));
    EXPECT_TRUE(SameIndexParams(HnswParams(), collection.indexes[0].params));
    EXPECT_FALSE(SameIndexParams(HnswParams("IP"), collection.indexes[0].params));
  }

  void Loading() const {
    ExpectOkTwice(ReleaseCollection{things});
    EXPECT_FALSE(Look().loaded);
    ExpectOkTwice(LoadPartitions{things, {"p1"}});
    TargetCollection collection = Look();
    EXPECT_TRUE(collection.loaded);
    const bool by_partition = collection.loads_partitions;
    if (by_partition) {
      EXPECT_THAT(collection.loaded_partitions, ::testing::ElementsAre("p1"));
      ExpectOkTwice(LoadPartitions{things, {"p1", "p2"}});
      EXPECT_THAT(Look().loaded_partitions, ::testing::ElementsAre("p1", "p2"));
      ExpectOkTwice(ReleasePartitions{things, {"p1"}});
      EXPECT_THAT(Look().loaded_partitions, ::testing::ElementsAre("p2"));
    } else {
      EXPECT_THAT(collection.loaded_partitions, ::testing::ElementsAre("_default", "p1", "p2"));
      EXPECT_EQ(Apply(ReleasePartitions{things, {"p1"}}).code(), StatusCode::kUnimplemented);
    }
    ExpectOkTwice(LoadCollection{things});
    collection = Look();
    EXPECT_TRUE(collection.loaded);
    EXPECT_THAT(collection.loaded_partitions, ::testing::ElementsAre("_default", "p1", "p2"));
    EXPECT_EQ(Apply(DropIndex{things, "v", "v_index"}).code(), StatusCode::kFailedPrecondition);
    ExpectOk(Flush{things});
    ExpectOkTwice(ReleaseCollection{things});
    EXPECT_FALSE(Look().loaded);
    EXPECT_THAT(Look().loaded_partitions, ::testing::IsEmpty());
  }

  void Properties() const {
    ExpectOkTwice(AlterCollection{things, {{"collection.ttl.seconds", "3600"}}});
    ExpectOkTwice(AlterCollection{things, {{"mmap.enabled", "true"}}});
    EXPECT_THAT(Look().properties,
                ::testing::UnorderedElementsAre(KeyValue{"collection.ttl.seconds", "3600"},
                                                KeyValue{"mmap.enabled", "true"}));
    EXPECT_EQ(Apply(AlterCollection{{database, "no"}, {{"a", "b"}}}).code(), StatusCode::kNotFound);
    EXPECT_EQ(Look().default_partition, default_partition);
  }

  void Aliases() const {
    const CollectionName others{database, "others"};
    const CollectionName alias{database, "alias"};
    ExpectOk(CreateCollection{.name = others, .schema = SimpleSchema()});
    ExpectOkTwice(SetAlias{others, "alias"});
    ExpectOkTwice(SetAlias{things, "alias"});  // takes it away from `others`
    ExpectOk(SetAlias{things, "bye"});
    EXPECT_THAT(Look().aliases, ::testing::ElementsAre("alias", "bye"));
    ExpectOkTwice(DropAlias{things, "bye"});
    EXPECT_THAT(Look().aliases, ::testing::ElementsAre("alias"));
    EXPECT_FALSE(Apply(SetAlias{things, "others"}).ok());
    EXPECT_EQ(Apply(SetAlias{{database, "no"}, "x"}).code(), StatusCode::kNotFound);
    // An alias is not a collection.
    EXPECT_EQ(DescribeCollection(alias)->has_value(), false);
    EXPECT_FALSE(Apply(RenameCollection{alias, {database, "renamed"}}).ok());
    EXPECT_EQ(Apply(RenameCollection{others, alias}).code(), StatusCode::kUnavailable);
    EXPECT_EQ(Apply(CreateCollection{.name = alias, .schema = SimpleSchema("8")}).code(),
              StatusCode::kUnavailable);
    (void)Apply(DropCollection{alias});  // some servers refuse it; it has no effect on any
    EXPECT_THAT(Look().aliases, ::testing::ElementsAre("alias"));
    ExpectOk(DropCollection{others});
  }

  void Renames() const {
    const CollectionName others{database, "others"};
    const CollectionName blocked{database, "blocked"};
    ExpectOk(CreateCollection{.name = blocked, .schema = SimpleSchema()});
    EXPECT_EQ(Apply(RenameCollection{things, blocked}).code(), StatusCode::kAlreadyExists);
    EXPECT_EQ(Apply(RenameCollection{{database, "no"}, {database, "nor"}}).code(),
              StatusCode::kNotFound);
    ExpectOkTwice(RenameCollection{things, others});
    EXPECT_EQ(DescribeCollection(things)->has_value(), false);
    const auto renamed = DescribeCollection(others);
    ASSERT_TRUE(renamed.ok() && renamed->has_value());
    EXPECT_THAT((*renamed)->aliases, ::testing::ElementsAre("alias"));
    EXPECT_EQ((*renamed)->indexes.size(), 1U);
    const CollectionName elsewhere{kDefaultDatabase, "contract_moved"};
    EXPECT_FALSE(Apply(RenameCollection{others, elsewhere}).ok());  // because of the alias
    ExpectOk(DropAlias{others, "alias"});
    const Status moved = Apply(RenameCollection{others, elsewhere});
    if (moved.ok()) {
      EXPECT_EQ(DescribeCollection(elsewhere)->has_value(), true);
      ExpectOk(RenameCollection{elsewhere, things});
    } else {
      EXPECT_EQ(moved.code(), StatusCode::kUnimplemented) << moved.ToString();
      ExpectOk(RenameCollection{others, things});
    }
    ExpectOk(DropCollection{blocked});
  }

  void Drops() const {
    ExpectOkTwice(DropIndex{things, "v", "v_index"});
    EXPECT_THAT(Look().indexes, ::testing::IsEmpty());
    ExpectOkTwice(DropPartition{things, "p1"});
    const std::string identity = Look().identity;
    EXPECT_EQ(Look().identity, identity);
    ExpectOkTwice(DropCollection{things});
    ExpectOk(CreateCollection{.name = things, .schema = SimpleSchema()});
    // Some servers report no identity.
    EXPECT_TRUE(identity.empty() || Look().identity != identity) << identity;
    ExpectOkTwice(DropCollection{things});
    EXPECT_EQ(DescribeCollection(things)->has_value(), false);
    ExpectOkTwice(DropDatabase{database});
    EXPECT_THAT(*ListDatabases(), ::testing::Not(::testing::Contains(database)));
  }
};

}  // namespace cdc
