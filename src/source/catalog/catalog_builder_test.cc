#include "source/catalog/catalog_builder.h"

#include <algorithm>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "milvus_meta.pb.h"

namespace cdc {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kTombstone = "\xE2\x9B\xBC";
constexpr const char* kRoot = "by-dev/meta/";

std::string FromHex(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

struct Record {
  std::string key;    // below the meta root
  std::string value;  // "DELETE": an actual delete
};

class CatalogBuilderTest : public testing::Test {
 protected:
  void Apply(const Record& record) {
    ++revision_;
    if (record.value == "DELETE") {
      builder_.Delete(kRoot + record.key);
      return;
    }
    const Status status =
        builder_.Put({.key = kRoot + record.key, .value = record.value, .mod_revision = revision_});
    EXPECT_TRUE(status.ok()) << status.ToString();
  }
  void Apply(const std::vector<Record>& records) {
    for (const Record& record : records) {
      Apply(record);
    }
  }
  StatusCode PutCode(const std::string& key, const std::string& value) {
    ++revision_;
    return builder_.Put({.key = kRoot + key, .value = value, .mod_revision = revision_}).code();
  }
  std::shared_ptr<const Catalog> Build() { return builder_.Build(revision_).catalog; }
  std::shared_ptr<const Collection> Find(int64_t id) { return Build()->Find(CollectionId{id}); }

  CatalogBuilder builder_{kRoot};
  int64_t revision_ = 0;
};

// ---- records for the tests

meta::CollectionInfo Info(int64_t id, const std::string& name) {
  meta::CollectionInfo info;
  info.set_id(id);
  info.mutable_schema()->set_name(name);
  info.set_create_time(static_cast<uint64_t>(id) << 18);
  info.set_shards_num(1);
  info.add_virtual_channel_names("by-dev-rootcoord-dml_0_" + std::to_string(id) + "v0");
  info.add_physical_channel_names("by-dev-rootcoord-dml_0");
  info.set_db_id(1);
  return info;
}

std::string InfoKey(int64_t id, int64_t db = 1) {
  return "root-coord/database/collection-info/" + std::to_string(db) + "/" + std::to_string(id);
}

Record CollectionRow(int64_t id, const std::string& name, meta::CollectionState state) {
  meta::CollectionInfo info = Info(id, name);
  info.set_state(state);
  return {InfoKey(id), info.SerializeAsString()};
}

meta::FieldSchema FieldSchemaOf(int64_t field, const std::string& name, int type) {
  meta::FieldSchema schema;
  schema.set_fieldid(field);
  schema.set_name(name);
  schema.set_data_type(type);
  schema.set_is_primary_key(field == 100);
  return schema;
}

Record FieldRow(int64_t collection, int64_t field, const std::string& name, int type = 5) {
  return {"root-coord/fields/" + std::to_string(collection) + "/" + std::to_string(field),
          FieldSchemaOf(field, name, type).SerializeAsString()};
}

Record PartitionRow(int64_t collection,
                    int64_t partition,
                    const std::string& name,
                    meta::PartitionState state = meta::PartitionCreated) {
  meta::PartitionInfo info;
  info.set_partitionid(partition);
  info.set_partitionname(name);
  info.set_collection_id(collection);
  info.set_state(state);
  return {"root-coord/partitions/" + std::to_string(collection) + "/" + std::to_string(partition),
          info.SerializeAsString()};
}

Record DatabaseRow(int64_t id, const std::string& name, meta::DatabaseState state) {
  meta::DatabaseInfo info;
  info.set_id(id);
  info.set_name(name);
  info.set_state(state);
  return {"root-coord/database/db-info/" + std::to_string(id), info.SerializeAsString()};
}

Record AliasRow(const std::string& key, const std::string& alias, int64_t collection) {
  meta::AliasInfo info;
  info.set_alias_name(alias);
  info.set_collection_id(collection);
  return {key + alias, info.SerializeAsString()};
}

Record Without(const Record& record, const std::string& value = kTombstone) {
  return {record.key, value};
}

std::vector<Record> CreatedCollection(int64_t id, const std::string& name) {
  return {FieldRow(id, 0, "RowID"), FieldRow(id, 1, "Timestamp"), FieldRow(id, 100, "pk"),
          PartitionRow(id, id * 10, "_default"), CollectionRow(id, name, meta::CollectionCreated)};
}

// ---- written by a real Milvus 2.3.5

constexpr int64_t kHello = 470642876028028048;

std::vector<Record> HelloRecords() {
  const std::string id = std::to_string(kHello);
  return {
      {"root-coord/database/db-info/1", FromHex("120764656661756c741801200128bbcab281decf99f518")},
      {"root-coord/database/collection-info/1/" + id,
       FromHex(
           "089089e08dbce683c40612090a0568656c6c6f280118898080e79ee883c4063a2b62792d6465762d726f"
           "6f74636f6f72642d646d6c5f305f34373036343238373630323830323830343876303a2b62792d646576"
           "2d726f6f74636f6f72642d646d6c5f315f3437303634323837363032383032383034387631421662792d"
           "6465762d726f6f74636f6f72642d646d6c5f30421662792d6465762d726f6f74636f6f72642d646d6c5f"
           "3150025a220a1662792d6465762d726f6f74636f6f72642d646d6c5f31120801000000000000005a220a"
           "1662792d6465762d726f6f74636f6f72642d646d6c5f301208000000000000000060027801")},
      {"root-coord/partitions/" + id + "/470642876028028049",
       FromHex("089189e08dbce683c40612085f64656661756c7418898080e79ee883c406209089e08dbce683c406")},
      {"root-coord/fields/" + id + "/0", FromHex("1205526f7749442206726f772069642805")},
      {"root-coord/fields/" + id + "/1",
       FromHex("0801120954696d657374616d70220a74696d65207374616d702805")},
      {"root-coord/fields/" + id + "/100", FromHex("08641202696418012805")},
      {"root-coord/fields/" + id + "/101", FromHex("0865120176286532080a0364696d120138")},
      {"root-coord/fields/" + id + "/102",
       FromHex("0866120173281532100a0a6d61785f6c656e67746812023634")},
      {"root-coord/fields/" + id + "/103",
       FromHex("08671205246d657461220e64796e616d696320736368656d6128176001")},
      {"field-index/" + id + "/470642876028432610",
       FromHex(
           "0ab601089089e08dbce683c40610651a017620e2a3ec8dbce683c4062a080a0364696d12013832120a0a"
           "696e6465785f747970651204484e535732110a0b6d65747269635f7479706512024c3232140a0e656643"
           "6f6e737472756374696f6e1202363432060a014d12013862120a0a696e6465785f747970651204484e53"
           "5762110a0b6d65747269635f7479706512024c3262250a06706172616d73121b7b224d223a382c226566"
           "436f6e737472756374696f6e223a36347d188580c0f09fe883c406")},
  };
}

TEST_F(CatalogBuilderTest, UnderstandsWhatMilvusWrote) {
  for (Record record : HelloRecords()) {
    if (record.key.starts_with("field-index/")) {
      // The ids in key and value must agree, wherever the vector came from.
      meta::FieldIndex index;
      ASSERT_TRUE(index.ParseFromString(record.value));
      record.key = "field-index/" + std::to_string(kHello) + "/" +
                   std::to_string(index.index_info().indexid());
    }
    Apply(record);
  }
  const auto catalog = Build();
  ASSERT_THAT(catalog->databases, SizeIs(1));
  EXPECT_EQ(catalog->DatabaseName(kDefaultDatabaseId), "default");
  const auto hello = catalog->Find(CollectionId{kHello});
  ASSERT_NE(hello, nullptr);
  EXPECT_EQ(hello->name, "hello");
  EXPECT_EQ(hello->database, kDefaultDatabaseId);
  EXPECT_EQ(hello->created.value, 470642936881610761U);
  EXPECT_EQ(hello->shards, 2);
  EXPECT_EQ(hello->consistency_level, 2);
  EXPECT_EQ(hello->state, ObjectState::kCreated);
  EXPECT_THAT(hello->vchannels, ElementsAre("by-dev-rootcoord-dml_0_470642876028028048v0",
                                            "by-dev-rootcoord-dml_1_470642876028028048v1"));
  EXPECT_THAT(hello->pchannels, ElementsAre("by-dev-rootcoord-dml_0", "by-dev-rootcoord-dml_1"));
  // The list in etcd begins with dml_1.
  EXPECT_EQ(hello->start_positions.at("by-dev-rootcoord-dml_0").bytes, std::string(8, '\0'));
  EXPECT_EQ(hello->start_positions.at("by-dev-rootcoord-dml_1").bytes, FromHex("0100000000000000"));

  const Schema& schema = hello->schema;
  EXPECT_TRUE(schema.enable_dynamic_field);
  ASSERT_THAT(schema.fields, SizeIs(3));
  EXPECT_EQ(schema.fields[0].id, FieldId{100});
  EXPECT_EQ(schema.fields[0].name, "id");
  EXPECT_EQ(schema.fields[0].type, DataType::kInt64);
  EXPECT_TRUE(schema.fields[0].is_primary_key);
  EXPECT_FALSE(schema.fields[0].auto_id);
  EXPECT_EQ(schema.fields[1].type, DataType::kFloatVector);
  EXPECT_THAT(schema.fields[1].type_params, ElementsAre(KeyValue{"dim", "8"}));
  EXPECT_EQ(schema.fields[2].type, DataType::kVarChar);
  EXPECT_THAT(schema.fields[2].type_params, ElementsAre(KeyValue{"max_length", "64"}));

  ASSERT_THAT(hello->partitions, SizeIs(1));
  EXPECT_EQ(hello->partitions[0].name, "_default");
  EXPECT_EQ(hello->partitions[0].id, PartitionId{470642876028028049});
  EXPECT_EQ(hello->partitions[0].created, hello->created);

  ASSERT_THAT(hello->indexes, SizeIs(1));
  EXPECT_EQ(hello->indexes[0].field, FieldId{101});
  EXPECT_EQ(hello->indexes[0].name, "v");
  EXPECT_THAT(hello->indexes[0].params,
              ElementsAre(KeyValue{"index_type", "HNSW"}, KeyValue{"metric_type", "L2"},
                          KeyValue{"params", R"({"M":8,"efConstruction":64})"}));
  EXPECT_FALSE(hello->load.loaded);
}

// ---- the life of a collection

TEST_F(CatalogBuilderTest, ACollectionAppearsWhenItIsCreatedAndHasFieldsWhateverTheOrder) {
  std::vector<Record> records = CreatedCollection(7, "seven");
  std::vector<size_t> order(records.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::shared_ptr<const Collection> expected;
  do {
    CatalogBuilder builder(kRoot);
    int64_t revision = 0;
    bool fields = false;
    bool created = false;
    std::shared_ptr<const Catalog> catalog;
    for (const size_t i : order) {
      ASSERT_TRUE(builder
                      .Put({.key = kRoot + records[i].key,
                            .value = records[i].value,
                            .mod_revision = ++revision})
                      .ok());
      catalog = builder.Build(revision).catalog;
      fields = fields || i == 2;
      created = created || i == 4;
      ASSERT_EQ(catalog->Find(CollectionId{7}) != nullptr, fields && created);
    }
    if (expected == nullptr) {
      expected = catalog->Find(CollectionId{7});
    }
    ASSERT_EQ(*catalog->Find(CollectionId{7}), *expected);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(CatalogBuilderTest, ACollectionThatWasNeverCreatedIsNeverShown) {
  Apply(CollectionRow(7, "seven", meta::CollectionCreating));
  Apply({FieldRow(7, 100, "pk"), PartitionRow(7, 70, "_default")});
  EXPECT_EQ(Find(7), nullptr);
  Apply(Without(CollectionRow(7, "seven", meta::CollectionCreating)));
  EXPECT_EQ(Find(7), nullptr);
  EXPECT_FALSE(builder_.Build(revision_).changed);
}

TEST_F(CatalogBuilderTest, ADroppedCollectionKeepsItsPartsUntilItIsGone) {
  Apply(CreatedCollection(7, "seven"));
  Apply(CollectionRow(7, "seven", meta::CollectionDropping));
  const auto dropping = Find(7);
  ASSERT_NE(dropping, nullptr);
  EXPECT_EQ(dropping->state, ObjectState::kDropping);
  Apply({Without(PartitionRow(7, 70, "")), Without(FieldRow(7, 100, "")),
         Without(FieldRow(7, 1, ""), "DELETE")});
  EXPECT_EQ(Find(7), dropping) << "the pointer too";
  Apply(Without(CollectionRow(7, "", meta::CollectionCreated)));
  EXPECT_EQ(Find(7), nullptr);
  // Nothing of it remains for a later collection with the same id (which Milvus never creates).
  Apply(CollectionRow(7, "seven", meta::CollectionCreated));
  EXPECT_EQ(Find(7), nullptr);
}

TEST_F(CatalogBuilderTest, DroppedAndCreatedAgainWhateverTheOrder) {
  // Drop of 7 and creation of 8 under the same name, interleaved in every way that keeps the order
  // of each object's own key.
  const std::vector<std::vector<Record>> keys = {
      {CollectionRow(7, "same", meta::CollectionDropping),
       Without(CollectionRow(7, "", meta::CollectionCreated))},
      {Without(FieldRow(7, 100, ""))},
      {Without(PartitionRow(7, 70, ""))},
      {FieldRow(8, 100, "pk")},
      {CollectionRow(8, "same", meta::CollectionCreating),
       CollectionRow(8, "same", meta::CollectionCreated)},
  };
  std::vector<size_t> order = {0, 0, 1, 2, 3, 4, 4};
  int orders = 0;
  do {
    ++orders;
    CatalogBuilder builder(kRoot);
    int64_t revision = 0;
    const auto put = [&](const Record& record) {
      ASSERT_TRUE(
          builder
              .Put({.key = kRoot + record.key, .value = record.value, .mod_revision = ++revision})
              .ok());
    };
    for (const Record& record : CreatedCollection(7, "same")) {
      put(record);
    }
    std::vector<size_t> next(keys.size(), 0);
    for (const size_t key : order) {
      put(keys[key][next[key]++]);
      builder.Build(revision);
    }
    const auto catalog = builder.Build(revision).catalog;
    ASSERT_THAT(catalog->collections, SizeIs(1));
    ASSERT_NE(catalog->Find(CollectionId{8}), nullptr);
    ASSERT_EQ(catalog->Find(CollectionId{8})->state, ObjectState::kCreated);
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(orders, 1260);
}

TEST_F(CatalogBuilderTest, UnchangedCollectionsKeepTheirPointer) {
  Apply(CreatedCollection(7, "seven"));
  Apply(CreatedCollection(8, "eight"));
  Apply(DatabaseRow(1, "default", meta::DatabaseCreated));
  const auto before = Build();
  Apply(PartitionRow(8, 81, "p"));
  // Written again, unchanged.
  Apply(CollectionRow(7, "seven", meta::CollectionCreated));
  Apply(DatabaseRow(1, "default", meta::DatabaseCreated));
  const auto built = builder_.Build(revision_);
  EXPECT_TRUE(built.changed);
  EXPECT_EQ(built.catalog->Find(CollectionId{7}), before->Find(CollectionId{7}));
  EXPECT_NE(built.catalog->Find(CollectionId{8}), before->Find(CollectionId{8}));
  EXPECT_EQ(built.catalog->databases, before->databases);
  EXPECT_THAT(before->Find(CollectionId{8})->partitions, SizeIs(1)) << "a snapshot never changes";
  EXPECT_EQ(built.catalog->revision, revision_);
  EXPECT_FALSE(builder_.Build(revision_).changed);
}

TEST_F(CatalogBuilderTest, RenameAndPropertiesRewriteTheRecord) {
  Apply(CreatedCollection(7, "seven"));
  meta::CollectionInfo info = Info(7, "renamed");
  auto* property = info.add_properties();
  property->set_key("collection.ttl.seconds");
  property->set_value("60");
  Apply({InfoKey(7), info.SerializeAsString()});
  const auto collection = Find(7);
  EXPECT_EQ(collection->name, "renamed");
  EXPECT_THAT(collection->properties, ElementsAre(KeyValue{"collection.ttl.seconds", "60"}));
}

TEST_F(CatalogBuilderTest, MovingToAnotherDatabaseWorksInBothOrders) {
  meta::CollectionInfo moved = Info(7, "seven");
  moved.set_db_id(9);
  const Record put = {InfoKey(7, 9), moved.SerializeAsString()};
  const Record gone = {InfoKey(7, 1), kTombstone};
  for (const bool put_first : {true, false}) {
    CatalogBuilder builder(kRoot);
    int64_t revision = 0;
    std::vector<Record> records = CreatedCollection(7, "seven");
    records.push_back(put_first ? put : gone);
    records.push_back(put_first ? gone : put);
    for (const Record& record : records) {
      ASSERT_TRUE(
          builder
              .Put({.key = kRoot + record.key, .value = record.value, .mod_revision = ++revision})
              .ok());
    }
    const auto collection = builder.Build(revision).catalog->Find(CollectionId{7});
    ASSERT_NE(collection, nullptr);
    EXPECT_EQ(collection->database, DatabaseId{9});
    EXPECT_THAT(collection->partitions, SizeIs(1));
  }
}

TEST_F(CatalogBuilderTest, OldStyleRecordsHoldEverythingInside) {
  meta::CollectionInfo info = Info(7, "old");
  info.set_db_id(0);
  info.mutable_schema()->set_autoid(true);
  *info.mutable_schema()->add_fields() = FieldSchemaOf(0, "RowID", 5);
  *info.mutable_schema()->add_fields() = FieldSchemaOf(101, "v", 101);
  *info.mutable_schema()->add_fields() = FieldSchemaOf(100, "pk", 5);
  info.add_partitionids(71);
  info.add_partitionnames("p");
  info.add_partition_created_timestamps(99);
  info.add_partitionids(70);
  info.add_partitionnames("_default");
  const Record old = {"root-coord/collection/7", info.SerializeAsString()};
  Apply(old);
  const auto collection = Find(7);
  ASSERT_NE(collection, nullptr);
  EXPECT_EQ(collection->database, kDefaultDatabaseId);
  ASSERT_THAT(collection->schema.fields, SizeIs(2));
  EXPECT_EQ(collection->schema.fields[0].name, "pk");
  EXPECT_TRUE(collection->schema.fields[0].auto_id);
  ASSERT_THAT(collection->partitions, SizeIs(2));
  EXPECT_EQ(collection->partitions[0].name, "_default");
  EXPECT_EQ(collection->partitions[1].created, Timestamp{99});

  // A newer server writes it in the new style and removes the old record.
  Apply(CreatedCollection(7, "new"));
  EXPECT_EQ(Find(7)->name, "new");
  Apply(Without(old));
  EXPECT_EQ(Find(7)->name, "new");
  EXPECT_THAT(Find(7)->partitions, SizeIs(1));
}

// ---- parts

TEST_F(CatalogBuilderTest, PartitionsShowWhileCreatedOrDropping) {
  Apply(CreatedCollection(7, "seven"));
  const struct {
    meta::PartitionState state;
    bool shown;
  } cases[] = {{meta::PartitionCreating, false},
               {meta::PartitionCreated, true},
               {meta::PartitionDropping, true},
               {meta::PartitionDropped, false}};
  for (const auto& each : cases) {
    Apply(PartitionRow(7, 71, "p", each.state));
    EXPECT_EQ(Find(7)->FindPartition(PartitionId{71}) != nullptr, each.shown) << each.state;
  }
  Apply(PartitionRow(7, 71, "p", meta::PartitionDropping));
  EXPECT_EQ(Find(7)->FindPartition(PartitionId{71})->state, ObjectState::kDropping);
  Apply(Without(PartitionRow(7, 71, "p")));
  EXPECT_EQ(Find(7)->FindPartition(PartitionId{71}), nullptr);
}

TEST_F(CatalogBuilderTest, DatabasesHaveStatesOfTheirOwn) {
  const struct {
    meta::DatabaseState state;
    bool shown;
  } cases[] = {{meta::DatabaseUnknown, true},
               {meta::DatabaseCreated, true},
               {meta::DatabaseCreating, false},
               {meta::DatabaseDropping, false},
               {meta::DatabaseDropped, false}};
  for (const auto& each : cases) {
    Apply(DatabaseRow(5, "five", each.state));
    EXPECT_EQ(Build()->databases.contains(DatabaseId{5}), each.shown) << each.state;
  }
  Apply(DatabaseRow(5, "five", meta::DatabaseCreated));
  EXPECT_EQ(Build()->DatabaseName(DatabaseId{5}), "five");
  Apply(Without(DatabaseRow(5, "", meta::DatabaseCreated)));
  EXPECT_TRUE(builder_.Build(revision_).changed);
  EXPECT_THAT(Build()->databases, IsEmpty());
}

TEST_F(CatalogBuilderTest, AliasesOfAllThreeStyles) {
  Apply(CreatedCollection(7, "seven"));
  Apply(CreatedCollection(8, "eight"));
  const Record alias = AliasRow("root-coord/database/aliases/1/", "b", 7);
  Apply({alias,
         AliasRow("root-coord/aliases/", "a", 7),
         {"root-coord/collection-alias/c", Info(7, "x").SerializeAsString()}});
  EXPECT_THAT(Find(7)->aliases, ElementsAre("a", "b", "c"));
  // Altered: now points to the other one.
  Apply(AliasRow("root-coord/database/aliases/1/", "b", 8));
  EXPECT_THAT(Find(7)->aliases, ElementsAre("a", "c"));
  EXPECT_THAT(Find(8)->aliases, ElementsAre("b"));
  Apply(Without(alias));
  Apply(Without(alias, "DELETE"));
  EXPECT_THAT(Find(8)->aliases, IsEmpty());
}

TEST_F(CatalogBuilderTest, IndexParametersAreTheUsersOwn) {
  Apply(CreatedCollection(7, "seven"));
  meta::FieldIndex index;
  auto* info = index.mutable_index_info();
  info->set_indexid(700);
  info->set_fieldid(101);
  info->set_index_name("idx");
  const auto add = [](auto* params, const char* key, const char* value) {
    auto* param = params->Add();
    param->set_key(key);
    param->set_value(value);
  };
  add(info->mutable_index_params(), "index_type", "IVF_FLAT");
  add(info->mutable_index_params(), "metric_type", "IP");
  add(info->mutable_index_params(), "nlist", "128");
  const auto params = [&] {
    Apply({"field-index/7/700", index.SerializeAsString()});
    return Find(7)->indexes.at(0).params;
  };
  EXPECT_THAT(params(), SizeIs(3));
  info->set_is_auto_index(true);
  EXPECT_THAT(params(),
              ElementsAre(KeyValue{"index_type", "AUTOINDEX"}, KeyValue{"metric_type", "IP"}));
  add(info->mutable_user_index_params(), "metric_type", "IP");
  EXPECT_THAT(params(), ElementsAre(KeyValue{"metric_type", "IP"}));
  index.set_deleted(true);
  Apply({"field-index/7/700", index.SerializeAsString()});
  EXPECT_THAT(Find(7)->indexes, IsEmpty());
}

// As a Milvus 2.3.5 stores create_index without index_type on a scalar field.
TEST_F(CatalogBuilderTest, AnIndexWithoutATypeHasNone) {
  Apply(CreatedCollection(7, "seven"));
  meta::FieldIndex index;
  auto* info = index.mutable_index_info();
  info->set_indexid(700);
  info->set_fieldid(101);
  info->set_index_name("n");
  auto* type = info->add_index_params();
  type->set_key("index_type");
  type->set_value("STL_SORT");
  Apply({"field-index/7/700", index.SerializeAsString()});
  ASSERT_THAT(Find(7)->indexes, SizeIs(1));
  EXPECT_THAT(Find(7)->indexes.at(0).params, IsEmpty());
  *info->add_user_index_params() = *type;
  Apply({"field-index/7/700", index.SerializeAsString()});
  EXPECT_THAT(Find(7)->indexes.at(0).params, ElementsAre(KeyValue{"index_type", "STL_SORT"}));
}

TEST_F(CatalogBuilderTest, LoadStateFollowsTheQueryCoordinator) {
  Apply(CreatedCollection(7, "seven"));
  meta::CollectionLoadInfo load;
  load.set_collectionid(7);
  load.set_replica_number(2);
  load.set_load_type(meta::LoadTypePartition);
  load.set_status(meta::LoadStatusLoading);
  const auto partition = [](int64_t id) {
    meta::PartitionLoadInfo info;
    info.set_collectionid(7);
    info.set_partitionid(id);
    return Record{"querycoord-partition-loadinfo/7/" + std::to_string(id),
                  info.SerializeAsString()};
  };
  const Record by_partition = {"querycoord-collection-loadinfo/7", load.SerializeAsString()};
  Apply({by_partition, partition(71), partition(70)});
  EXPECT_EQ(Find(7)->load, (LoadState{.loaded = true,
                                      .whole_collection = false,
                                      .replicas = 2,
                                      .partitions = {PartitionId{70}, PartitionId{71}}}));
  Apply(Without(partition(71), "DELETE"));
  EXPECT_THAT(Find(7)->load.partitions, ElementsAre(PartitionId{70}));
  load.set_load_type(meta::LoadTypeCollection);
  Apply({"querycoord-collection-loadinfo/7", load.SerializeAsString()});
  EXPECT_TRUE(Find(7)->load.whole_collection);
  Apply(Without(by_partition, "DELETE"));
  EXPECT_EQ(Find(7)->load, LoadState{});
  Apply(Without(partition(70), "DELETE"));
  EXPECT_EQ(Find(7)->load, LoadState{});
}

TEST_F(CatalogBuilderTest, FunctionsDefaultsAndFlagsAreCarried) {
  Apply(CreatedCollection(7, "seven"));
  meta::FieldSchema field = FieldSchemaOf(101, "text", 21);
  field.set_default_value("\x32\x01x");
  field.set_nullable(true);
  field.set_is_partition_key(true);
  field.set_is_clustering_key(true);
  field.set_is_function_output(true);
  Apply({"root-coord/fields/7/101", field.SerializeAsString()});
  meta::FunctionSchema function;
  function.set_name("bm25");
  function.set_id(100);
  Apply({"root-coord/functions/7/100", function.SerializeAsString()});
  const Schema schema = Find(7)->schema;
  const Field& text = schema.fields.at(1);
  EXPECT_EQ(text.default_value, "\x32\x01x");
  EXPECT_TRUE(text.nullable && text.is_partition_key && text.is_clustering_key &&
              text.is_function_output);
  EXPECT_FALSE(schema.enable_dynamic_field);
  EXPECT_THAT(schema.functions, ElementsAre(function.SerializeAsString()));
}

// Written by Milvus' own descriptors of 2.6.8: film clips, each with a title and an embedding.
constexpr std::string_view kClips =
    "08661205636c6970731a0f7061727473206f6620612066696c6d22390867120c636c6970735b7469746c655d281632"
    "100a0a6d61785f6c656e6774681202353032110a0c6d61785f6361706163697479120138501522220868121063"
    "6c6970735b656d62656464696e675d286a32080a0364696d1201345065";

TEST_F(CatalogBuilderTest, AnArrayOfStructsIsAFieldOfATypeThatIsNotSupported) {
  Apply(CreatedCollection(7, "films"));
  const Record clips = {"root-coord/struct-array-fields/7/102", FromHex(kClips)};
  Apply(clips);
  EXPECT_THAT(UnsupportedTypes(Find(7)->schema),
              ElementsAre("field clips: its type is not supported: ArrayOfStruct"));
  Apply(Without(clips));
  EXPECT_THAT(UnsupportedTypes(Find(7)->schema), IsEmpty());
}

// Milvus stores the field under a key of its own; the record of a collection has a place for it.
TEST_F(CatalogBuilderTest, AnArrayOfStructsInTheCollectionItselfIsSeenToo) {
  const std::string films = FromHex(
      "080712120a0566696c6d734a0908661205636c697073188080703a1a62792d6465762d726f6f74636f6f72642d64"
      "6d6c5f305f377630421662792d6465762d726f6f74636f6f72642d646d6c5f3050017801");
  Apply({FieldRow(7, 100, "pk"), {InfoKey(7), films}});
  EXPECT_THAT(UnsupportedTypes(Find(7)->schema),
              ElementsAre("field clips: its type is not supported: ArrayOfStruct"));
}

// ---- robustness

TEST_F(CatalogBuilderTest, AMalformedValueLeavesTheObjectAsItWas) {
  Apply(CreatedCollection(7, "seven"));
  Apply(DatabaseRow(1, "default", meta::DatabaseCreated));
  Apply(AliasRow("root-coord/aliases/", "a", 7));
  const auto before = Build();
  const std::string junk = "\xff\xff\xff";
  for (const char* key :
       {"root-coord/database/db-info/1", "root-coord/database/collection-info/1/7",
        "root-coord/collection/7", "root-coord/partitions/7/70", "root-coord/fields/7/100",
        "root-coord/struct-array-fields/7/102", "root-coord/functions/7/1", "root-coord/aliases/a",
        "root-coord/collection-alias/x", "root-coord/database/aliases/1/x", "field-index/7/1",
        "querycoord-collection-loadinfo/7", "querycoord-partition-loadinfo/7/70"}) {
    EXPECT_EQ(PutCode(key, junk), StatusCode::kDataLoss) << key;
    EXPECT_EQ(PutCode(key, ""), StatusCode::kDataLoss) << key;
  }
  // Well-formed, but of another object.
  EXPECT_EQ(PutCode(InfoKey(7), Info(8, "eight").SerializeAsString()), StatusCode::kDataLoss);
  const auto built = builder_.Build(revision_);
  EXPECT_FALSE(built.changed);
  EXPECT_EQ(built.catalog->Find(CollectionId{7}), before->Find(CollectionId{7}));
}

TEST_F(CatalogBuilderTest, MalformedKeysAreReported) {
  for (const char* key :
       {"root-coord/database/db-info/x", "root-coord/partitions/7", "root-coord/fields/7/1/2",
        "field-index/7/", "root-coord/aliases/",
        // Not how Milvus writes numbers: two keys would mean the same thing.
        "root-coord/fields/7/01", "root-coord/fields/07/1", "root-coord/database/db-info/-0"}) {
    EXPECT_EQ(PutCode(key, "x"), StatusCode::kDataLoss) << key;
  }
}

TEST_F(CatalogBuilderTest, WhatIsNotOfTheCatalogIsIgnored) {
  const size_t before = builder_.keys();
  EXPECT_EQ(PutCode("snapshots/root-coord/database/collection-info/1/7_ts1", "x"), StatusCode::kOk);
  EXPECT_EQ(PutCode("querycoord-replica/7/1", "x"), StatusCode::kOk);
  EXPECT_TRUE(builder_.Put({.key = "other/meta/field-index/7/1", .value = "x"}).ok());
  builder_.Delete("other/key");
  builder_.Delete("");
  EXPECT_EQ(builder_.keys(), before);
}

TEST_F(CatalogBuilderTest, RelistTakesOverTheDifference) {
  std::vector<EtcdKeyValue> list;
  const auto add = [&list](const std::vector<Record>& records) {
    for (const Record& record : records) {
      list.push_back({.key = kRoot + record.key, .value = record.value, .mod_revision = 1});
    }
  };
  add(CreatedCollection(7, "seven"));
  add(CreatedCollection(8, "eight"));
  add({AliasRow("root-coord/aliases/", "a", 7)});
  std::vector<Status> errors;
  builder_.Relist(list, &errors);
  const auto before = builder_.Build(10).catalog;
  EXPECT_EQ(builder_.keys(), list.size());
  EXPECT_THAT(before->collections, SizeIs(2));

  list.clear();
  add(CreatedCollection(7, "seven"));
  add(CreatedCollection(9, "nine"));
  add({{"root-coord/partitions/7/70", "\xff"}});
  std::erase_if(list, [](const EtcdKeyValue& kv) {
    return kv.key == kRoot + std::string("root-coord/partitions/7/70") && kv.value != "\xff";
  });
  builder_.Relist(list, &errors);
  EXPECT_THAT(errors, SizeIs(1));
  const auto after = builder_.Build(20);
  EXPECT_TRUE(after.changed);
  EXPECT_EQ(builder_.keys(), list.size());
  EXPECT_EQ(after.catalog->Find(CollectionId{8}), nullptr);
  EXPECT_NE(after.catalog->Find(CollectionId{9}), nullptr);
  ASSERT_NE(after.catalog->Find(CollectionId{7}), nullptr);
  EXPECT_THAT(after.catalog->Find(CollectionId{7})->aliases, IsEmpty());
  EXPECT_THAT(after.catalog->Find(CollectionId{7})->partitions, SizeIs(1))
      << "malformed: as it was";
}

TEST_F(CatalogBuilderTest, TheWatchRangeHoldsEveryListedRange) {
  const KeyRange watch = CatalogWatchRange(kRoot);
  for (const KeyRange& range : CatalogListRanges(kRoot)) {
    EXPECT_LE(watch.begin, range.begin);
    EXPECT_GE(watch.end, range.end);
  }
  for (const char* busy : {"datacoord-meta/channel-cp/x", "segment-index/1", "session/proxy-1",
                           "snapshots/root-coord/x", "statslog/1"}) {
    const std::string key = std::string(kRoot) + busy;
    EXPECT_FALSE(key >= watch.begin && key < watch.end) << key;
  }
}

}  // namespace
}  // namespace cdc
