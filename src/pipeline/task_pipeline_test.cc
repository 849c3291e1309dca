#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/base64.h"
#include "pipeline/testing/task_pipeline_fixture.h"
#include "reconcile/plan/plan.h"

namespace cdc {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

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

TEST_F(TaskPipelineTest, ATaskThatCoversNothingSaysSo) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  spec_.collection_infos.clear();
  spec_.db_collections = {{"default", {{.name = "a_?"}, {.name = "b"}}}};
  Start();
  ASSERT_TRUE(Eventually([&] { return task_->GetStatus().idle; }));
  EXPECT_EQ(task_->GetStatus().condition, Condition::kWaiting);
  EXPECT_EQ(task_->GetStatus().reason,
            "scope: no collection of the source matches \"default.a_?\", \"default.b\" yet; the "
            "task begins as soon as one appears");
  const Collection a = MakeCollection(2, "a_1", 15);
  catalog_.Set(MakeCatalog({c, a}));
  EXPECT_TRUE(Eventually([&] { return task_->GetStatus().condition == Condition::kOk; }));
  EXPECT_FALSE(task_->GetStatus().idle);
  ASSERT_TRUE(WaitForDdl("create collection default.a_1"));
  log_.Append(kChannel, TickRecord(20));
  catalog_.Set(MakeCatalog({c}));
  EXPECT_TRUE(Eventually([&] { return task_->GetStatus().idle; }));
  EXPECT_THAT(Ddls(), ElementsAre("create collection default.a_1", "drop collection default.a_1"));
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
  ASSERT_TRUE(replicator_->Prepare(spec_, {}).ok());
  log_.Append(kChannel, InsertRecord(c, {4}, 12));
  log_.Append(kChannel, TickRecord(20));
  Start();
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(target_.rows_of(RowOp::kInsert), 1U);
}

TEST_F(TaskPipelineTest, AGivenPositionIsWhereTheLogTakesOver) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  log_.Append(kChannel, InsertRecord(c, {1}, 11));
  log_.Append(kChannel, InsertRecord(c, {2}, 12));
  log_.Append(kChannel, InsertRecord(c, {3}, 13));
  log_.Append(kChannel, TickRecord(20));
  // Of the second record; rows up to its time are on the target.
  pb::msg::MsgPosition position;
  position.set_channel_name(c.vchannels[0]);
  position.set_msgid(FakeLog::IdOf(2).bytes);
  position.set_timestamp(12);
  spec_.start_from = StartFrom::kLatest;
  spec_.db_collections = {
      {"default",
       {{.name = "c",
         .positions = {{c.vchannels[0], EncodeBase64(position.SerializeAsString())}}}}}};
  ASSERT_TRUE(replicator_->Prepare(spec_, {}).ok());
  ASSERT_TRUE(target_.Apply(PlanCreate(c, {"default", "c"}, {})).ok());
  Start();
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(target_.rows_of(RowOp::kInsert) + target_.rows_of(RowOp::kUpsert), 1U);
}

TEST_F(TaskPipelineTest, ACollectionWithoutItsRowsIsNotMadeForAGivenPosition) {
  Collection c = MakeCollection(1, "c", 5);
  c.start_positions[kChannel] = FakeLog::IdOf(1);
  catalog_.Set(MakeCatalog({c}));
  log_.Append(kChannel, InsertRecord(c, {1}, 11));
  log_.Append(kChannel, TickRecord(20));
  const auto begin_at = [&](const MsgId& id) {
    spec_.db_collections = {
        {"default", {{.name = "c", .positions = {{c.vchannels[0], EncodeBase64(id.bytes)}}}}}};
    ASSERT_TRUE(replicator_->Prepare(spec_, {}).ok());
    Start();
  };
  begin_at(FakeLog::IdOf(2));
  EXPECT_TRUE(Eventually([&] { return !failure().empty(); }));
  EXPECT_THAT(failure(), HasSubstr("positions were given for it"));
  EXPECT_THAT(target_.ddl(), IsEmpty());
  Stop();
  ASSERT_TRUE(store_.DeleteTask("t").ok());
  // There are none before its beginning.
  begin_at(FakeLog::IdOf(1));
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(target_.rows_of(RowOp::kInsert), 1U);
}

TEST_F(TaskPipelineTest, APositionThatDoesNotFitIsRefused) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  log_.Append(kChannel, TickRecord(6));
  log_.Append(kChannel, TickRecord(7));
  const auto prepare = [&](const std::string& name, std::map<std::string, std::string> positions) {
    spec_.db_collections = {{"default", {{.name = name, .positions = std::move(positions)}}}};
    return replicator_->Prepare(spec_, {});
  };
  const std::string first = EncodeBase64(FakeLog::IdOf(1).bytes);
  EXPECT_THAT(prepare("other", {{c.vchannels[0], first}}).message(),
              HasSubstr("positions are given for default.other, which the source does not have"));
  const Status older = prepare("c", {{std::string(kChannel) + "_7v0", first}});
  EXPECT_EQ(older.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(older.message(), HasSubstr("are those of collection 7, on the source it is 1"));
  EXPECT_THAT(prepare("c", {{"elsewhere_1v9", first}}).message(),
              HasSubstr("lack channel " + c.vchannels[0]));
  EXPECT_THAT(prepare("c", {{c.vchannels[0], first}, {"elsewhere_1v9", first}}).message(),
              HasSubstr("a channel that it has not"));
  log_.Expire(kChannel, FakeLog::IdOf(2));
  const Status expired = prepare("c", {{c.vchannels[0], first}});
  EXPECT_EQ(expired.code(), StatusCode::kOutOfRange);
  EXPECT_THAT(expired.message(), HasSubstr("default.c"));
}

TEST_F(TaskPipelineTest, EarliestIsRefusedIfTheQueueHasForgotten) {
  Collection c = MakeCollection(1, "c", 5);
  c.start_positions[kChannel] = FakeLog::IdOf(1);
  log_.Append(kChannel, TickRecord(6));
  log_.Append(kChannel, TickRecord(7));
  log_.Expire(kChannel, FakeLog::IdOf(2));
  catalog_.Set(MakeCatalog({c}));
  const Status status = replicator_->Prepare(spec_, {});
  EXPECT_EQ(status.code(), StatusCode::kOutOfRange);
  EXPECT_THAT(status.message(), HasSubstr("default.c"));
}

TEST_F(TaskPipelineTest, AKeyThatNoDeleteCanNameIsRefusedAtCreate) {
  Collection c = MakeCollection(1, "c", 5);
  c.schema.fields[0].name = "in";
  catalog_.Set(MakeCatalog({c}));
  ASSERT_TRUE(replicator_->Prepare(spec_, {}).ok());
  target_.SetTraits({.deletes_by = ExpressionDialect::kMilvus});
  const TargetInfo target = *replicator_->CheckTarget({});
  const Status status = replicator_->Prepare(spec_, target);
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("collection default.c has the primary key field \"in\""));
  spec_.sink_mode = SinkMode::kReplicate;
  EXPECT_TRUE(replicator_->Prepare(spec_, target).ok());
}

TEST_F(TaskPipelineTest, AKeyThatNoDeleteCanNameEndsTheTaskWhenItAppears) {
  target_.SetTraits({.deletes_by = ExpressionDialect::kMilvus});
  catalog_.Set(MakeCatalog({}));
  ASSERT_TRUE(replicator_->Prepare(spec_, {}).ok());
  Start();
  Collection c = MakeCollection(1, "c", 5);
  c.schema.fields[0].name = " id ";
  catalog_.Set(MakeCatalog({c}));
  EXPECT_TRUE(Eventually([&] { return !failure().empty(); }));
  EXPECT_THAT(failure(), HasSubstr("collection default.c has the primary key field \" id \""));
  EXPECT_THAT(target_.ddl(), testing::IsEmpty());
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
  EXPECT_EQ(task_->GetStatus().condition, Condition::kOk);
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
  EXPECT_EQ(target_.rows_of(RowOp::kDelete), 0U);
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
  EXPECT_EQ(target_.rows_of(RowOp::kInsert), 2U);
}

TEST_F(TaskPipelineTest, ANameThatIsUsedAgainIsFreedAtOnce) {
  Collection old = MakeCollection(1, "c", 5);
  const Collection fresh = MakeCollection(2, "c", 15);
  catalog_.Set(MakeCatalog({old}));
  Start();
  ASSERT_TRUE(WaitForDdl("create collection default.c"));
  // In the log, rows of the new collection precede the last rows of the old one. The two must not
  // wait for each other.
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
  EXPECT_EQ(target_.rows_of(RowOp::kInsert), 3U);
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
  EXPECT_EQ(task_->GetStatus().condition, Condition::kFailed);
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
  EXPECT_TRUE(Eventually([&] { return task_->GetStatus().condition == Condition::kWaiting; }));
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
  // One poll may still be in progress when the channel becomes full.
  const size_t most = kLimit + RowRouter::Options().poll_bytes + (1U << 20);
  EXPECT_LT(task_->GetStatus().bytes_waiting, most);
  Pause(std::chrono::milliseconds(500), std::stop_token());
  EXPECT_LT(task_->GetStatus().bytes_waiting, most);
  target_.Uncork();
}

TEST_F(TaskPipelineTest, RowsThatWaitForATickCountTooButDoNotKeepItAway) {
  constexpr size_t kLimit = 2U << 20;
  options_.waiting_bytes = kLimit;
  replicator_ = NewReplicator(options_);
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  Start();
  ASSERT_TRUE(WaitForDdl("create collection default.c"));
  target_.Cork();
  log_.Append(kChannel, InsertRecord(c, {1}, 11));
  log_.Append(kChannel, TickRecord(12));
  ASSERT_TRUE(Eventually([&] { return target_.corked() == 1; }));
  // There is no tick between these, so all of them are held.
  constexpr uint64_t kRecords = 40;
  for (uint64_t i = 0; i < kRecords; ++i) {
    pb::msg::InsertRequest request;
    ASSERT_TRUE(request.ParseFromString(InsertRecord(c, {2}, 13)));
    auto* column = request.add_fields_data();
    column->set_field_id(101);
    column->set_field_name("text");
    column->set_type(pb::schema::VarChar);
    column->mutable_scalars()->mutable_string_data()->add_data(
        std::string(10 * kLimit / kRecords, 'x'));
    log_.Append(kChannel, request.SerializeAsString());
  }
  log_.Append(kChannel, TickRecord(20));
  EXPECT_TRUE(Eventually([&] { return task_->GetStatus().bytes_waiting > kLimit; }));
  Pause(std::chrono::milliseconds(500), std::stop_token());
  EXPECT_LT(task_->GetStatus().bytes_waiting, 2 * kLimit);
  // As soon as nothing else waits, the tick is read, however much is held.
  target_.Uncork();
  EXPECT_TRUE(WaitForRows(RowOp::kInsert, 1 + kRecords));
}

TEST_F(TaskPipelineTest, ASourceWithoutTicksIsReported) {
  options_.longest_silence = std::chrono::milliseconds(300);
  NewProcess();
  catalog_.Set(MakeCatalog({MakeCollection(1, "c", 5)}));
  Start();
  log_.Append(kChannel, TickRecord(10));
  ASSERT_TRUE(WaitForCheckpoint(10));
  EXPECT_TRUE(Eventually([&] { return task_->GetStatus().condition == Condition::kWaiting; }));
  const TaskStatus status = task_->GetStatus();
  EXPECT_THAT(status.reason, AllOf(HasSubstr(kChannel), HasSubstr("no tick")));
  EXPECT_GT(status.since_unix_ms, 0);
  log_.Append(kChannel, TickRecord(20));
  EXPECT_TRUE(Eventually([&] { return task_->GetStatus().condition == Condition::kOk; }));
}

// All messages of a request must have the same columns. The last two have columns of the same type
// but of different fields.
TEST_F(TaskPipelineTest, OnlyMessagesOfOneLayoutShareARequest) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  Start();
  using Fields = std::vector<std::pair<int, pb::schema::DataType>>;
  const auto with_columns = [&](int64_t key, uint64_t ts, const Fields& fields) {
    pb::msg::InsertRequest request;
    EXPECT_TRUE(request.ParseFromString(InsertRecord(c, {key}, ts)));
    for (const auto& [field, type] : fields) {
      auto* column = request.add_fields_data();
      column->set_field_id(field);
      column->set_field_name("field" + std::to_string(field));
      column->set_type(type);
      if (type == pb::schema::Float) {
        column->mutable_scalars()->mutable_float_data()->add_data(1);
      } else {
        column->mutable_scalars()->mutable_long_data()->add_data(1);
      }
    }
    return request.SerializeAsString();
  };
  log_.Append(kChannel, with_columns(1, 11, {{101, pb::schema::Float}}));
  log_.Append(kChannel, with_columns(2, 12, {{101, pb::schema::Int64}}));
  log_.Append(kChannel, with_columns(3, 13, {{101, pb::schema::Int64}}));
  log_.Append(kChannel, with_columns(4, 14, {{101, pb::schema::Int64}, {104, pb::schema::Int64}}));
  log_.Append(kChannel, with_columns(5, 15, {{102, pb::schema::Int64}, {111, pb::schema::Int64}}));
  log_.Append(kChannel, TickRecord(20));
  EXPECT_TRUE(WaitForRows(RowOp::kInsert, 5));
  std::vector<size_t> messages;
  for (const FakeTarget::WrittenBatch& written : target_.batches()) {
    messages.push_back(written.batch.messages.size());
  }
  EXPECT_THAT(messages, ElementsAre(1U, 2U, 1U, 1U));
}

}  // namespace
}  // namespace cdc
