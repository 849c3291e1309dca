#include "sink/standby/standby_message.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "milvus.pb.h"
#include "model/testing/insert_builder.h"
#include "msg.pb.h"

namespace cdc {
namespace {

namespace pb = ::milvus::proto::milvus;
namespace msg = ::milvus::proto::msg;

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// As if the source's shard `shard` had given it.
MessagePtr FromShard(const MessagePtr& message, int shard, std::string_view partition = {}) {
  static const std::vector<std::string> kVchannels = {"src-dml_9_7v0", "src-dml_10_7v1",
                                                      "src-dml_11_7v2"};
  auto changed = std::const_pointer_cast<Message>(message);
  changed->vchannel = kVchannels[static_cast<size_t>(shard)];
  changed->partition_name = partition;
  changed->ts = {1000};
  return message;
}

StandbyLayout TwoShards() {
  StandbyLayout layout;
  layout.id = {77};
  layout.vchannels = {"dst-dml_10_77v0", "dst-dml_9_77v1"};
  layout.pchannels = {"dst-dml_10", "dst-dml_9"};
  layout.partitions = {{"_default", {770}}, {"p", {771}}};
  layout.default_partition = {770};
  layout.fields = {{"id", {100}}, {"v", {105}}};
  layout.dynamic_field = {106};
  return layout;
}

RowBatch Batch(RowOp op, std::vector<MessagePtr> messages, const std::string& partition = "p") {
  RowBatch batch;
  batch.op = op;
  batch.target = {"db", "things"};
  batch.partition = partition;
  batch.primary_key = "id";
  for (const MessagePtr& message : messages) {
    batch.rows += message->rows;
    if (op == RowOp::kDelete) {
      batch.deletes.push_back(message->keys);
    }
  }
  batch.messages = std::move(messages);
  return batch;
}

std::string Text(const std::vector<Payload>& pieces) {
  std::string text;
  for (const Payload& piece : pieces) {
    text.append(piece.bytes);
  }
  return text;
}

pb::ReplicateMessageRequest Request(const StandbyRows& rows, uint64_t begin) {
  std::vector<const StandbyMessage*> messages;
  for (const StandbyMessage& message : rows.messages) {
    messages.push_back(&message);
  }
  pb::ReplicateMessageRequest request;
  EXPECT_TRUE(request.ParseFromString(Text(EncodeStandbyRequest(
      {.pchannel = rows.pchannel, .begin = begin, .end = begin + rows.messages.size() - 1},
      messages))));
  return request;
}

template <class Proto>
Proto Parse(const std::string& bytes) {
  Proto proto;
  EXPECT_TRUE(proto.ParseFromString(bytes));
  return proto;
}

MessagePtr TwoRows(int shard) {
  return FromShard(MakeInsert({LongField(1, "id", {5, -6}), VarCharField(2, "v", {"a", "b"})}, 2),
                   shard);
}

TEST(StandbyMessage, AnInsertHasTheTargetsNamesAndTheSourcesColumns) {
  const auto rows = EncodeStandbyRows(Batch(RowOp::kInsert, {TwoRows(0), TwoRows(0)}), TwoShards());
  ASSERT_TRUE(rows.ok()) << rows.status().ToString();
  EXPECT_EQ(rows->pchannel, "dst-dml_10");
  const auto request = Request(*rows, 900);
  EXPECT_TRUE(request.base().replicateinfo().isreplicate());
  EXPECT_EQ(request.channel_name(), "dst-dml_10");
  EXPECT_EQ(request.begints(), 900U);
  EXPECT_EQ(request.endts(), 900U);
  ASSERT_EQ(request.msgs_size(), 2);

  const auto insert = Parse<msg::InsertRequest>(request.msgs(0));
  EXPECT_EQ(insert.base().msg_type(), 400);
  EXPECT_EQ(insert.base().msgid(), 900);
  EXPECT_EQ(insert.base().timestamp(), 900U);
  EXPECT_EQ(insert.shardname(), "dst-dml_10_77v0");
  EXPECT_EQ(insert.db_name(), "db");
  EXPECT_EQ(insert.collection_name(), "things");
  EXPECT_EQ(insert.partition_name(), "p");
  EXPECT_EQ(insert.collectionid(), 77);
  EXPECT_EQ(insert.partitionid(), 771);
  EXPECT_EQ(insert.num_rows(), 4U);
  EXPECT_EQ(insert.version(), msg::ColumnBased);
  EXPECT_THAT(insert.timestamps(), ElementsAre(900, 900, 900, 900));
  EXPECT_EQ(insert.rowids_size(), 4);
  ASSERT_EQ(insert.fields_data_size(), 2);
  EXPECT_EQ(insert.fields_data(0).field_id(), 100);
  EXPECT_THAT(insert.fields_data(0).scalars().long_data().data(), ElementsAre(5, -6, 5, -6));
  EXPECT_EQ(insert.fields_data(1).field_id(), 105);

  const auto tick = Parse<msg::TimeTickMsg>(request.msgs(1));
  EXPECT_EQ(tick.base().msg_type(), 1200);
  EXPECT_EQ(tick.base().timestamp(), 900U);
}

TEST(StandbyMessage, ShardsArePairedByTheirNumbers) {
  const auto rows = EncodeStandbyRows(Batch(RowOp::kInsert, {TwoRows(1)}), TwoShards());
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ(rows->pchannel, "dst-dml_9");
  EXPECT_EQ(Parse<msg::InsertRequest>(Request(*rows, 5).msgs(0)).shardname(), "dst-dml_9_77v1");
  const Status none = EncodeStandbyRows(Batch(RowOp::kInsert, {TwoRows(2)}), TwoShards()).status();
  EXPECT_EQ(none.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(none.message(), HasSubstr("shards"));
}

TEST(StandbyMessage, AnUpsertIsADeleteAndThenTheInsert) {
  const auto rows = EncodeStandbyRows(Batch(RowOp::kUpsert, {TwoRows(0)}), TwoShards());
  ASSERT_TRUE(rows.ok());
  const auto request = Request(*rows, 50);
  ASSERT_EQ(request.msgs_size(), 3);
  EXPECT_EQ(request.endts(), 51U);
  const auto gone = Parse<msg::DeleteRequest>(request.msgs(0));
  EXPECT_EQ(gone.base().msg_type(), 401);
  EXPECT_EQ(gone.num_rows(), 2);
  EXPECT_EQ(gone.partitionid(), 771);
  EXPECT_THAT(gone.timestamps(), ElementsAre(50, 50));
  EXPECT_THAT(gone.primary_keys().int_id().data(), ElementsAre(5, -6));
  EXPECT_THAT(Parse<msg::InsertRequest>(request.msgs(1)).timestamps(), ElementsAre(51, 51));
  EXPECT_EQ(Parse<msg::TimeTickMsg>(request.msgs(2)).base().timestamp(), 51U);
}

TEST(StandbyMessage, DeletesOfSeveralMessagesAreOne) {
  const auto rows =
      EncodeStandbyRows(Batch(RowOp::kDelete,
                              {FromShard(MakeDelete(std::vector<std::string>{"a", "b"}), 1),
                               FromShard(MakeDelete(std::vector<std::string>{"c"}), 1)},
                              ""),
                        TwoShards());
  ASSERT_TRUE(rows.ok()) << rows.status().ToString();
  const auto gone = Parse<msg::DeleteRequest>(Request(*rows, 9).msgs(0));
  EXPECT_EQ(gone.partitionid(), -1);
  EXPECT_EQ(gone.partition_name(), "");
  EXPECT_EQ(gone.num_rows(), 3);
  EXPECT_EQ(gone.timestamps_size(), 3);
  EXPECT_THAT(gone.primary_keys().str_id().data(), ElementsAre("a", "b", "c"));
}

TEST(StandbyMessage, TheSourcesRowIdsPassThrough) {
  const std::string ids = {1, 2};
  const MessagePtr insert = TwoRows(0);
  std::const_pointer_cast<Message>(insert)->row_ids = ids;
  const auto rows = EncodeStandbyRows(Batch(RowOp::kInsert, {insert}), TwoShards());
  ASSERT_TRUE(rows.ok());
  EXPECT_THAT(Parse<msg::InsertRequest>(Request(*rows, 5).msgs(0)).rowids(), ElementsAre(1, 2));
}

TEST(StandbyMessage, RowsWithoutAPartitionGoToTheOneThatTheTargetHasForThem) {
  // All in one partition.
  auto rows = EncodeStandbyRows(Batch(RowOp::kInsert, {TwoRows(0)}, ""), TwoShards());
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ(Parse<msg::InsertRequest>(Request(*rows, 5).msgs(0)).partitionid(), 770);
  // By number, if there is a partition key: the prefix is a setting of each server.
  StandbyLayout numbered = TwoShards();
  numbered.has_partition_key = true;
  numbered.partitions = {{"_other_0", {770}}, {"_other_1", {771}}};
  const MessagePtr second = FromShard(MakeInsert({LongField(1, "id", {5})}, 1), 0, "_default_1");
  rows = EncodeStandbyRows(Batch(RowOp::kUpsert, {second}, ""), numbered);
  ASSERT_TRUE(rows.ok()) << rows.status().ToString();
  const auto request = Request(*rows, 5);
  // The key may have been in another partition.
  EXPECT_EQ(Parse<msg::DeleteRequest>(request.msgs(0)).partitionid(), -1);
  const auto insert = Parse<msg::InsertRequest>(request.msgs(1));
  EXPECT_EQ(insert.partition_name(), "_other_1");
  EXPECT_EQ(insert.partitionid(), 771);
}

TEST(StandbyMessage, APartitionThatTheTargetLacksIsNotFound) {
  EXPECT_EQ(
      EncodeStandbyRows(Batch(RowOp::kInsert, {TwoRows(0)}, "q"), TwoShards()).status().code(),
      StatusCode::kNotFound);
}

TEST(StandbyMessage, NullsKeepTheirPlaceholders) {
  auto field = LongField(2, "v", {4, 0});
  field.add_valid_data(true);
  field.add_valid_data(false);
  const auto rows = EncodeStandbyRows(
      Batch(RowOp::kInsert, {FromShard(MakeInsert({LongField(1, "id", {1, 2}), field}, 2), 0)}),
      TwoShards());
  ASSERT_TRUE(rows.ok());
  const auto insert = Parse<msg::InsertRequest>(Request(*rows, 5).msgs(0));
  EXPECT_THAT(insert.fields_data(1).scalars().long_data().data(), ElementsAre(4, 0));
  EXPECT_THAT(insert.fields_data(1).valid_data(), ElementsAre(true, false));
}

TEST(StandbyMessage, TheDynamicFieldHasTheTargetsNumber) {
  auto dynamic = LongField(3, "$meta", {1});
  dynamic.set_is_dynamic(true);
  const auto rows = EncodeStandbyRows(
      Batch(RowOp::kInsert, {FromShard(MakeInsert({LongField(1, "id", {1}), dynamic}, 1), 0)}),
      TwoShards());
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ(Parse<msg::InsertRequest>(Request(*rows, 5).msgs(0)).fields_data(1).field_id(), 106);
}

TEST(StandbyMessage, LargeColumnsAreNotCopied) {
  const std::vector<float> floats(4096, 1.5F);
  const MessagePtr insert = FromShard(
      MakeInsert({LongField(1, "id", {1}), FloatVectorField(2, "v", 4096, floats)}, 1), 0);
  const auto rows = EncodeStandbyRows(Batch(RowOp::kInsert, {insert}), TwoShards());
  ASSERT_TRUE(rows.ok());
  const auto& body = rows->messages.front().body;
  EXPECT_TRUE(std::any_of(body.begin(), body.end(), [&](const Payload& piece) {
    return piece.bytes.data() == insert->columns[1].body.data();
  }));
}

TEST(StandbyMessage, DropsNameWhatIsDropped) {
  StandbyRows rows{.pchannel = "c", .messages = {DropCollectionMessage({"db", "things"}, {7})}};
  rows.messages.push_back(DropPartitionMessage({"db", "things"}, {7}, "p", {8}));
  const auto request = Request(rows, 30);
  const auto collection = Parse<msg::DropCollectionRequest>(request.msgs(0));
  EXPECT_EQ(collection.base().msg_type(), 101);
  EXPECT_EQ(collection.base().timestamp(), 30U);
  EXPECT_EQ(collection.collectionname(), "things");
  EXPECT_EQ(collection.collectionid(), 7);
  const auto partition = Parse<msg::DropPartitionRequest>(request.msgs(1));
  EXPECT_EQ(partition.base().msg_type(), 201);
  EXPECT_EQ(partition.partition_name(), "p");
  EXPECT_EQ(partition.collectionid(), 7);
  EXPECT_EQ(partition.partitionid(), 8);
}

}  // namespace
}  // namespace cdc
