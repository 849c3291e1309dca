#include "pipeline/task_pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/testing/eventually.h"
#include "metastore/testing/in_memory_meta_store.h"
#include "milvus.pb.h"
#include "msg.pb.h"
#include "pipeline/plan.h"
#include "sink/testing/fake_target.h"
#include "source/testing/fake_source.h"

namespace cdc {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kChannel = "by-dev-rootcoord-dml_0";
constexpr const char* kOtherChannel = "by-dev-rootcoord-dml_1";
constexpr const char* kReplicate = "by-dev-replicate-msg";
constexpr PartitionId kDefaultPartition{10};

// Lends a target to a pipeline that wants to own one.
class LentTarget : public Target {
 public:
  explicit LentTarget(Target* target) : target_(target) {}
  Result<std::string> Connect(std::chrono::milliseconds timeout) override {
    return target_->Connect(timeout);
  }
  Result<std::vector<std::string>> ListDatabases() override { return target_->ListDatabases(); }
  Result<std::vector<std::string>> ListCollections(const std::string& database) override {
    return target_->ListCollections(database);
  }
  Result<std::optional<TargetCollection>> DescribeCollection(const CollectionName& name) override {
    return target_->DescribeCollection(name);
  }
  Status Apply(const Ddl& ddl) override { return target_->Apply(ddl); }
  void Write(const RowBatch& batch, WriteDone done) override {
    target_->Write(batch, std::move(done));
  }
  void CancelWrites() override { target_->CancelWrites(); }

 private:
  Target* target_;
};

Collection MakeCollection(int64_t id, std::string name, uint64_t created) {
  Collection collection;
  collection.id = {id};
  collection.database = kDefaultDatabaseId;
  collection.name = std::move(name);
  collection.schema.fields = {
      {.id = {100}, .name = "id", .type = DataType::kInt64, .is_primary_key = true}};
  collection.created = {created};
  collection.pchannels = {kChannel};
  collection.vchannels = {std::string(kChannel) + "_" + std::to_string(id) + "v0"};
  collection.partitions = {{.id = kDefaultPartition, .name = "_default"}};
  return collection;
}

Catalog MakeCatalog(std::vector<Collection> collections) {
  Catalog catalog;
  catalog.databases[kDefaultDatabaseId] =
      std::make_shared<Database>(Database{.id = kDefaultDatabaseId, .name = "default"});
  for (Collection& collection : collections) {
    const CollectionId id = collection.id;
    catalog.collections[id] = std::make_shared<const Collection>(std::move(collection));
  }
  return catalog;
}

namespace pb = milvus::proto;

std::string InsertRecord(const Collection& collection,
                         const std::vector<int64_t>& keys,
                         uint64_t ts,
                         PartitionId partition = kDefaultPartition) {
  static int64_t next_id = 1;
  pb::msg::InsertRequest request;
  request.mutable_base()->set_msg_type(pb::common::Insert);
  request.mutable_base()->set_msgid(next_id++);
  request.set_shardname(collection.vchannels[0]);
  request.set_collectionid(collection.id.value);
  request.set_partitionid(partition.value);
  request.set_num_rows(keys.size());
  request.set_version(pb::msg::ColumnBased);
  auto* column = request.add_fields_data();
  column->set_type(pb::schema::Int64);
  column->set_field_id(100);
  column->set_field_name("id");
  for (const int64_t key : keys) {
    request.add_timestamps(ts);
    request.add_rowids(key);
    column->mutable_scalars()->mutable_long_data()->add_data(key);
  }
  return request.SerializeAsString();
}

std::string DeleteRecord(const Collection& collection,
                         const std::vector<int64_t>& keys,
                         uint64_t ts) {
  static int64_t next_id = 1'000'000;
  pb::msg::DeleteRequest request;
  request.mutable_base()->set_msg_type(pb::common::Delete);
  request.mutable_base()->set_msgid(next_id++);
  request.set_shardname(collection.vchannels[0]);
  request.set_collectionid(collection.id.value);
  request.set_partitionid(-1);
  request.set_num_rows(static_cast<int64_t>(keys.size()));
  for (const int64_t key : keys) {
    request.add_timestamps(ts);
    request.mutable_primary_keys()->mutable_int_id()->add_data(key);
  }
  return request.SerializeAsString();
}

std::string TickRecord(uint64_t ts) {
  pb::msg::TimeTickMsg tick;
  tick.mutable_base()->set_msg_type(pb::common::TimeTick);
  tick.mutable_base()->set_timestamp(ts);
  return tick.SerializeAsString();
}

class TaskPipelineTest : public testing::Test {
 protected:
  TaskPipelineTest() {
    options_.catalog = &catalog_;
    options_.log = &log_;
    options_.store = &store_;
    options_.replicate_channel = kReplicate;
    options_.checkpoint_interval = std::chrono::milliseconds(5);
    options_.new_target = [this](const TargetOptions&) -> Result<std::unique_ptr<Target>> {
      return std::unique_ptr<Target>(std::make_unique<LentTarget>(&target_));
    };
    replicator_ = NewReplicator(options_);
    spec_.id = "t";
    spec_.db_collections = {{"*", {{.name = "*"}}}};
    spec_.start_from = StartFrom::kEarliest;
  }

  void Start() {
    auto started = replicator_->Start(spec_, [this](const std::string& reason) {
      MutexLock lock(mutex_);
      failure_ = reason;
    });
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    task_ = *std::move(started);
  }

  void Stop() {
    task_->Stop();
    task_.reset();
  }

  std::string failure() {
    MutexLock lock(mutex_);
    return failure_;
  }

  bool WaitForRows(RowOp op, uint64_t rows) {
    return Eventually([&] { return target_.rows(op) >= rows; }) && target_.rows(op) == rows;
  }

  bool WaitForCheckpoint(uint64_t ts) {
    return Eventually([&] {
      const auto progress = store_.LoadProgress("t");
      for (const ChannelCheckpoint& checkpoint : progress->channels) {
        if (checkpoint.channel == kChannel) {
          return checkpoint.ts.value >= ts;
        }
      }
      return false;
    });
  }

  std::vector<std::string> Ddls() {
    std::vector<std::string> texts;
    for (const Ddl& ddl : target_.ddl()) {
      texts.push_back(Describe(ddl));
    }
    return texts;
  }

  bool WaitForDdl(const std::string& text) {
    return Eventually([&] {
      const auto ddls = Ddls();
      return std::find(ddls.begin(), ddls.end(), text) != ddls.end();
    });
  }

  FakeCatalog catalog_;
  FakeLog log_;
  InMemoryMetaStore store_;
  FakeTarget target_;
  ReplicatorOptions options_;
  TaskSpec spec_;
  std::unique_ptr<Replicator> replicator_;
  Mutex mutex_;
  std::string failure_ CDC_GUARDED_BY(mutex_);
  std::unique_ptr<Replication> task_;
};

TEST_F(TaskPipelineTest, RowsOfANewCollectionArriveAndTheCheckpointFollows) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  Start();
  log_.Append(kChannel, InsertRecord(c, {1, 2, 3}, 11));
  log_.Append(kChannel, TickRecord(20));
  EXPECT_TRUE(WaitForRows(RowOp::kInsert, 3));
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_THAT(Ddls(), ElementsAre("create collection default.c"));
}

TEST_F(TaskPipelineTest, ACollectionThatTheCatalogHasNotSeenYetLosesNothing) {
  const Collection c = MakeCollection(1, "c", 5);
  const Collection d = MakeCollection(2, "d", 15);
  catalog_.Set(MakeCatalog({c}));
  Start();
  catalog_.FailSync(2, UnavailableError("etcd is away"));
  catalog_.SetUnseen(MakeCatalog({c, d}));
  log_.Append(kChannel, InsertRecord(d, {1, 2}, 17));
  log_.Append(kChannel, TickRecord(20));
  EXPECT_TRUE(WaitForRows(RowOp::kInsert, 2));
}

TEST_F(TaskPipelineTest, LatestLeavesOutWhatWasThere) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  log_.Append(kChannel, InsertRecord(c, {1, 2, 3}, 11));
  spec_.start_from = StartFrom::kLatest;
  ASSERT_TRUE(replicator_->Prepare(spec_).ok());
  log_.Append(kChannel, InsertRecord(c, {4}, 12));
  log_.Append(kChannel, TickRecord(20));
  Start();
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(target_.rows(RowOp::kInsert), 1U);
}

TEST_F(TaskPipelineTest, EarliestIsRefusedIfTheQueueHasForgotten) {
  Collection c = MakeCollection(1, "c", 5);
  c.start_positions[kChannel] = FakeLog::IdOf(1);
  log_.Append(kChannel, TickRecord(6));
  log_.Append(kChannel, TickRecord(7));
  log_.Expire(kChannel, FakeLog::IdOf(2));
  catalog_.Set(MakeCatalog({c}));
  const Status status = replicator_->Prepare(spec_);
  EXPECT_EQ(status.code(), StatusCode::kOutOfRange);
  EXPECT_THAT(status.message(), HasSubstr("default.c"));
}

TEST_F(TaskPipelineTest, AStopInTheMiddleNeitherLosesNorDoubles) {
  Collection c = MakeCollection(1, "c", 5);
  c.vchannels.push_back(std::string(kChannel) + "_1v1");
  Collection second = c;
  second.vchannels = {c.vchannels[1]};
  catalog_.Set(MakeCatalog({c}));
  Start();
  log_.Append(kChannel, TickRecord(10));
  EXPECT_TRUE(WaitForCheckpoint(10));
  target_.Cork();
  log_.Append(kChannel, InsertRecord(c, {1, 2, 3}, 11));
  log_.Append(kChannel, InsertRecord(second, {4, 5}, 12));
  log_.Append(kChannel, TickRecord(20));
  ASSERT_TRUE(Eventually([&] { return target_.corked() == 2; }));
  target_.Uncork(1);  // one of two calls of one tick has ended
  ASSERT_TRUE(Eventually([&] { return target_.batches().size() == 1; }));
  Thread uncork("uncork", [this](const std::stop_token&) { target_.Uncork(); });
  Stop();
  uncork.Join();
  Start();
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(target_.rows(RowOp::kInsert) + target_.rows(RowOp::kUpsert), 5U);
}

TEST_F(TaskPipelineTest, RecordsAboveTheCheckpointAreNotRepeatedAfterACleanStop) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  ASSERT_TRUE(store_
                  .SaveCheckpoints("t", {{.channel = kChannel,
                                          .position = FakeLog::IdOf(1),
                                          .ts = {10},
                                          .applied = {FakeLog::IdOf(2)},
                                          .horizon = {}}})
                  .ok());
  log_.Append(kChannel, TickRecord(10));
  log_.Append(kChannel, InsertRecord(c, {1, 2, 3}, 11));
  log_.Append(kChannel, InsertRecord(c, {4}, 12));
  log_.Append(kChannel, TickRecord(20));
  Start();
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(target_.rows(RowOp::kInsert), 1U);
}

TEST_F(TaskPipelineTest, AfterACrashWhatWasInTheQueueIsUpserted) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  ASSERT_TRUE(store_
                  .SaveCheckpoints("t", {{.channel = kChannel,
                                          .position = FakeLog::IdOf(1),
                                          .ts = {10},
                                          .applied = {},
                                          .horizon = {1000}}})
                  .ok());
  log_.Append(kChannel, TickRecord(10));
  log_.Append(kChannel, InsertRecord(c, {1, 2, 3}, 11));
  log_.Append(kChannel, TickRecord(20));
  Start();
  EXPECT_TRUE(WaitForRows(RowOp::kUpsert, 3));
  log_.Append(kChannel, InsertRecord(c, {4}, 21));
  log_.Append(kChannel, TickRecord(30));
  EXPECT_TRUE(WaitForRows(RowOp::kInsert, 1));
}

TEST_F(TaskPipelineTest, ACallThatEndedUnknownIsRepeatedAsUpsert) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  target_.FailNextWrite(UnavailableError("connection reset"), true);
  Start();
  log_.Append(kChannel, InsertRecord(c, {1, 2}, 11));
  log_.Append(kChannel, TickRecord(20));
  EXPECT_TRUE(WaitForRows(RowOp::kUpsert, 2));
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(task_->GetStatus().condition, "ok");
}

TEST_F(TaskPipelineTest, ACallThatWasRefusedIsRepeatedAsItIs) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  target_.FailNextWrite({StatusCode::kResourceExhausted, "rate limit"}, false);
  Start();
  log_.Append(kChannel, InsertRecord(c, {1, 2}, 11));
  log_.Append(kChannel, TickRecord(20));
  EXPECT_TRUE(WaitForRows(RowOp::kInsert, 2));
}

TEST_F(TaskPipelineTest, AnUpsertIsOneCall) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  Start();
  log_.Append(kChannel, InsertRecord(c, {1, 2}, 11));
  log_.Append(kChannel, DeleteRecord(c, {1, 2}, 11));
  log_.Append(kChannel, TickRecord(20));
  EXPECT_TRUE(WaitForRows(RowOp::kUpsert, 2));
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(target_.rows(RowOp::kDelete), 0U);
}

TEST_F(TaskPipelineTest, ADropComesAfterTheRowsBeforeIt) {
  Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  Start();
  log_.Append(kChannel, TickRecord(10));
  ASSERT_TRUE(WaitForCheckpoint(10));
  target_.Cork();
  log_.Append(kChannel, InsertRecord(c, {1, 2}, 11));
  log_.Append(kChannel, TickRecord(20));
  ASSERT_TRUE(Eventually([&] { return target_.corked() == 1; }));
  c.state = ObjectState::kDropping;
  catalog_.Set(MakeCatalog({c}));
  Pause(std::chrono::milliseconds(200), std::stop_token());
  EXPECT_THAT(Ddls(), Not(Contains("drop collection default.c")));
  target_.Uncork();
  EXPECT_TRUE(WaitForDdl("drop collection default.c"));
  EXPECT_EQ(target_.rows(RowOp::kInsert), 2U);
}

TEST_F(TaskPipelineTest, ANameThatIsUsedAgainIsFreedAtOnce) {
  Collection old = MakeCollection(1, "c", 5);
  const Collection fresh = MakeCollection(2, "c", 15);
  catalog_.Set(MakeCatalog({old}));
  Start();
  ASSERT_TRUE(WaitForDdl("create collection default.c"));
  // The new life's rows stand in the log before the old one's last ones: nothing may wait in a ring.
  log_.Append(kChannel, InsertRecord(old, {1}, 14));
  log_.Append(kChannel, InsertRecord(fresh, {7, 8}, 16));
  log_.Append(kChannel, InsertRecord(old, {2}, 17));
  old.state = ObjectState::kDropping;
  catalog_.Set(MakeCatalog({old, fresh}));
  log_.Append(kChannel, TickRecord(20));
  ASSERT_TRUE(WaitForCheckpoint(20));
  EXPECT_THAT(Ddls(), ElementsAre("create collection default.c", "drop collection default.c",
                                  "create collection default.c"));
  const auto batches = target_.batches();
  ASSERT_FALSE(batches.empty());
  EXPECT_EQ(batches.back().batch.rows, 2U);
}

TEST_F(TaskPipelineTest, ADropWhileStoppedIsCarriedOutAtTheStart) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  Start();
  ASSERT_TRUE(WaitForDdl("create collection default.c"));
  Stop();
  catalog_.Set(MakeCatalog({}));
  Start();
  EXPECT_TRUE(WaitForDdl("drop collection default.c"));
  EXPECT_TRUE(Eventually([&] { return store_.LoadProgress("t")->collections.empty(); }));
}

TEST_F(TaskPipelineTest, AnotherMilvusInPlaceOfTheSourceDoesNotEmptyTheTarget) {
  const auto with_identity = [](Catalog catalog, uint64_t created_ns) {
    catalog.databases[kDefaultDatabaseId] = std::make_shared<Database>(
        Database{.id = kDefaultDatabaseId, .name = "default", .created_ns = created_ns});
    return catalog;
  };
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(with_identity(MakeCatalog({c}), 100));
  Start();
  ASSERT_TRUE(WaitForDdl("create collection default.c"));
  Catalog wiped;
  catalog_.Set(wiped);
  EXPECT_TRUE(Eventually([&] { return task_->GetStatus().condition == "retrying"; }));
  EXPECT_EQ(failure(), "");
  Stop();
  catalog_.Set(with_identity(MakeCatalog({}), 200));
  Start();
  ASSERT_TRUE(Eventually([&] { return !failure().empty(); }));
  EXPECT_THAT(failure(), HasSubstr("another Milvus"));
  EXPECT_THAT(Ddls(), ElementsAre("create collection default.c"));
}

TEST_F(TaskPipelineTest, ACollectionBornWhileStoppedBeginsAtItsStart) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  Start();
  log_.Append(kChannel, TickRecord(10));
  ASSERT_TRUE(WaitForCheckpoint(10));
  Stop();
  Collection born = MakeCollection(2, "born", 15);
  born.pchannels = {kOtherChannel};
  born.vchannels = {std::string(kOtherChannel) + "_2v0"};
  born.start_positions[kOtherChannel] = log_.Append(kOtherChannel, TickRecord(14));
  log_.Append(kOtherChannel, InsertRecord(born, {1, 2, 3}, 16));
  log_.Append(kOtherChannel, TickRecord(20));
  catalog_.Set(MakeCatalog({c, born}));
  Start();
  EXPECT_TRUE(WaitForRows(RowOp::kInsert, 3));
}

TEST_F(TaskPipelineTest, APartitionIsDroppedAfterItsRowsAndItsNameCanBeUsedAgain) {
  Collection c = MakeCollection(1, "c", 5);
  c.partitions.push_back({.id = {11}, .name = "p"});
  catalog_.Set(MakeCatalog({c}));
  Start();
  log_.Append(kChannel, InsertRecord(c, {1}, 11, {11}));
  log_.Append(kChannel, TickRecord(20));
  ASSERT_TRUE(WaitForCheckpoint(20));
  c.partitions[1].state = ObjectState::kDropping;
  c.partitions.push_back({.id = {12}, .name = "p"});
  catalog_.Set(MakeCatalog({c}));
  log_.Append(kChannel, InsertRecord(c, {2, 3}, 21, {12}));
  log_.Append(kChannel, TickRecord(30));
  ASSERT_TRUE(WaitForCheckpoint(30));
  EXPECT_THAT(Ddls(),
              ElementsAre("create collection default.c", "create partition p of default.c",
                          "drop partition p of default.c", "create partition p of default.c"));
  EXPECT_EQ(target_.rows(RowOp::kInsert), 3U);
}

TEST_F(TaskPipelineTest, AnotherSchemaOnTheTargetFailsTheTaskBeforeAnythingIsWritten) {
  Collection other = MakeCollection(9, "c", 1);
  other.schema.fields[0].type = DataType::kVarChar;
  ASSERT_TRUE(target_.Apply(PlanCreate(other, {"default", "c"})).ok());
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  log_.Append(kChannel, InsertRecord(c, {1}, 11));
  log_.Append(kChannel, TickRecord(20));
  Start();
  ASSERT_TRUE(Eventually([&] { return !failure().empty(); }));
  EXPECT_THAT(failure(), HasSubstr("field id: type is Int64 on the source, VarChar on the target"));
  EXPECT_EQ(task_->GetStatus().condition, "failed");
  EXPECT_THAT(target_.batches(), IsEmpty());
}

TEST_F(TaskPipelineTest, ARecordThatCannotBeDecodedFailsTheTaskWithItsPlace) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  Start();
  log_.Append(kChannel, InsertRecord(c, {1}, 11).substr(0, 30));
  ASSERT_TRUE(Eventually([&] { return !failure().empty(); }));
  EXPECT_THAT(failure(), HasSubstr(kChannel));
  EXPECT_THAT(failure(), HasSubstr("position 1"));
}

TEST_F(TaskPipelineTest, AnIndexThatTheTargetRefusesDoesNotStopTheRows) {
  Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  Start();
  ASSERT_TRUE(WaitForDdl("create collection default.c"));
  target_.FailNextDdl(InvalidArgumentError("unknown index type ODD"));
  c.indexes = {{.id = {20}, .field = {100}, .name = "by_id", .params = {{"index_type", "ODD"}}}};
  catalog_.Set(MakeCatalog({c}));
  EXPECT_TRUE(Eventually([&] { return task_->GetStatus().condition == "waiting"; }));
  EXPECT_THAT(task_->GetStatus().reason, HasSubstr("unknown index type ODD"));
  log_.Append(kChannel, InsertRecord(c, {1, 2}, 11));
  log_.Append(kChannel, TickRecord(20));
  EXPECT_TRUE(WaitForRows(RowOp::kInsert, 2));
  EXPECT_EQ(failure(), "");
}

TEST_F(TaskPipelineTest, AFlushComesAfterTheRowsBeforeIt) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  Start();
  ASSERT_TRUE(WaitForDdl("create collection default.c"));
  pb::milvus::FlushRequest flush;
  flush.mutable_base()->set_msg_type(pb::common::Flush);
  flush.mutable_base()->set_timestamp(15);
  flush.set_db_name("default");
  flush.add_collection_names("c");
  flush.add_collection_names("unknown");
  target_.Cork();
  log_.Append(kChannel, InsertRecord(c, {1}, 11));
  log_.Append(kChannel, TickRecord(20));
  log_.Append(kReplicate, flush.SerializeAsString());
  ASSERT_TRUE(Eventually([&] { return target_.corked() == 1; }));
  EXPECT_THAT(Ddls(), Not(Contains("flush default.c")));
  target_.Uncork();
  EXPECT_TRUE(WaitForDdl("flush default.c"));
}

TEST_F(TaskPipelineTest, AFullChannelIsNotReadOn) {
  constexpr size_t kLimit = 2U << 20;
  options_.waiting_bytes = kLimit;
  replicator_ = NewReplicator(options_);
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  Start();
  ASSERT_TRUE(WaitForDdl("create collection default.c"));
  target_.Cork();
  const std::vector<int64_t> keys(20'000, 1);
  uint64_t ts = 10;
  size_t appended = 0;
  while (appended < 10 * kLimit) {
    std::string record = InsertRecord(c, keys, ++ts);
    appended += record.size();
    log_.Append(kChannel, std::move(record));
    log_.Append(kChannel, TickRecord(++ts));
  }
  EXPECT_TRUE(Eventually([&] { return task_->GetStatus().bytes_waiting > kLimit; }));
  // One poll may still be on its way when the channel is full.
  const size_t most = kLimit + SourceReader::Options().poll_bytes + (1U << 20);
  EXPECT_LT(task_->GetStatus().bytes_waiting, most);
  Pause(std::chrono::milliseconds(500), std::stop_token());
  EXPECT_LT(task_->GetStatus().bytes_waiting, most);
  target_.Uncork();
}

}  // namespace
}  // namespace cdc
