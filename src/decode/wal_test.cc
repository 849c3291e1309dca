#include "decode/wal.h"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "decode/decode.h"
#include "decode/testing/vectors.h"
#include "decode/testing/vectors_2_6_8.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cdc {
namespace {

using milvus_2_6_8::Vector;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr CollectionId kWritten{470642876028028048};
constexpr PartitionId kWrittenDefault{470642876028028049};
constexpr std::string_view kWrittenShard = "by-v26-rootcoord-dml_0_470642876028028048v0";
constexpr WalTransaction kUpsert{.id = 463252750346485760,
                                 .keepalive = std::chrono::milliseconds(10'000)};

WalMessage DecodeWal(const Vector& vector) {
  auto decoded =
      DecodeWalMessage(MsgId{"id"}, Payload::Own(FromHex(vector.value)), vector.properties);
  EXPECT_TRUE(decoded.ok()) << decoded.status().ToString();
  return decoded.ok() ? *std::move(decoded)
                      : WalMessage{.message = std::make_shared<Message>(), .transaction = {}};
}

Status WalError(const Vector& vector, const WalProperties& properties) {
  return DecodeWalMessage(MsgId{"id"}, Payload::Own(FromHex(vector.value)), properties).status();
}

TEST(DecodeWalMessage, Tick) {
  const WalMessage tick = DecodeWal(milvus_2_6_8::kFirstTick);
  EXPECT_EQ(tick.type, WalType::kTimeTick);
  EXPECT_EQ(tick.message->type, MessageType::kTick);
  EXPECT_EQ(tick.message->ts.value, 463252750336000000U);
  EXPECT_EQ(tick.message->id, MsgId{"id"});
  EXPECT_FALSE(tick.transaction.has_value());
}

TEST(DecodeWalMessage, InsertHasTheTimeOfTheLog) {
  const WalMessage insert = DecodeWal(milvus_2_6_8::kInsert);
  EXPECT_EQ(insert.type, WalType::kInsert);
  const Message& rows = *insert.message;
  EXPECT_EQ(rows.type, MessageType::kInsert);
  EXPECT_EQ(rows.ts.value, 463252750341242880U);
  EXPECT_EQ(rows.collection, kWritten);
  EXPECT_EQ(rows.partition, kWrittenDefault);
  EXPECT_EQ(rows.vchannel, kWrittenShard);
  EXPECT_EQ(rows.rows, 3U);
  ASSERT_EQ(rows.columns.size(), 2U);
  EXPECT_EQ(rows.columns[0].name, "id");
  EXPECT_EQ(rows.columns[0].body, "\x0a\x03\x01\x02\x03");
  EXPECT_EQ(rows.columns[1].type, DataType::kFloatVector);
  EXPECT_FALSE(insert.transaction.has_value());
}

TEST(DecodeWalMessage, Delete) {
  const WalMessage deleted = DecodeWal(milvus_2_6_8::kDelete);
  EXPECT_EQ(deleted.message->type, MessageType::kDelete);
  EXPECT_EQ(deleted.message->collection, kWritten);
  EXPECT_EQ(deleted.message->partition, kAllPartitions);
  EXPECT_EQ(deleted.message->rows, 1U);
  EXPECT_EQ(deleted.message->keys.body, "\x0a\x01\x01");
}

TEST(DecodeWalMessage, TransactionOfAnUpsert) {
  const WalMessage begin = DecodeWal(milvus_2_6_8::kBegin);
  EXPECT_EQ(begin.type, WalType::kBeginTransaction);
  EXPECT_EQ(begin.message->type, MessageType::kOther);
  EXPECT_EQ(begin.transaction, kUpsert);
  const WalMessage insert = DecodeWal(milvus_2_6_8::kInsertOfTransaction);
  EXPECT_EQ(insert.message->type, MessageType::kInsert);
  EXPECT_EQ(insert.transaction, kUpsert);
  const WalMessage deleted = DecodeWal(milvus_2_6_8::kDeleteOfTransaction);
  EXPECT_EQ(deleted.message->type, MessageType::kDelete);
  EXPECT_EQ(deleted.transaction, kUpsert);
  const WalMessage commit = DecodeWal(milvus_2_6_8::kCommit);
  EXPECT_EQ(commit.type, WalType::kCommitTransaction);
  EXPECT_EQ(commit.transaction, kUpsert);
  EXPECT_LT(begin.message->ts, insert.message->ts);
  EXPECT_LT(insert.message->ts, deleted.message->ts);
  EXPECT_LT(deleted.message->ts, commit.message->ts);
}

TEST(DecodeWalMessage, WhatTheCatalogTells) {
  const WalMessage created = DecodeWal(milvus_2_6_8::kCreateCollection);
  EXPECT_EQ(created.message->type, MessageType::kCreateCollection);
  EXPECT_EQ(created.message->collection, kWritten);
  const WalMessage dropped = DecodeWal(milvus_2_6_8::kDropCollection);
  EXPECT_EQ(dropped.message->type, MessageType::kDropCollection);
  EXPECT_EQ(dropped.message->collection, kWritten);
  EXPECT_GT(dropped.message->ts, created.message->ts);
  EXPECT_EQ(DecodeWal(milvus_2_6_8::kCreateSegment).message->type, MessageType::kOther);
  EXPECT_EQ(DecodeWal(milvus_2_6_8::kAlterCollection).message->type, MessageType::kOther);
}

TEST(DecodeWalMessage, ImportIsOneAndHasATime) {
  WalProperties properties = milvus_2_6_8::kInsert.properties;
  properties.type = "11";
  properties.header = "";
  // ImportMsg: base{408}, collectionID
  const auto decoded = DecodeWalMessage(
      MsgId{"id"}, Payload::Own(std::string("\x0a\x03\x08\x98\x03\x20\x07", 7)), properties);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_TRUE(IsImport(*decoded->message));
  EXPECT_EQ(decoded->message->collection, CollectionId{7});
  EXPECT_EQ(decoded->message->partition, kAllPartitions);
  EXPECT_EQ(decoded->message->ts.value, 463252750341242880U);
}

TEST(DecodeWalMessage, RowsOfAReplicatedLogAreInItsOwnVchannel) {
  WalProperties properties = milvus_2_6_8::kInsert.properties;
  properties.vchannel = "other-rootcoord-dml_0_470642876028028048v0";
  auto decoded =
      DecodeWalMessage(MsgId{"id"}, Payload::Own(FromHex(milvus_2_6_8::kInsert.value)), properties);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  properties.vchannel.assign(properties.vchannel.size(), 'x');  // the message has its own
  EXPECT_EQ(decoded->message->vchannel, "other-rootcoord-dml_0_470642876028028048v0");
}

TEST(DecodeWalMessage, UnknownTypesAreNoError) {
  WalProperties properties = milvus_2_6_8::kCommit.properties;
  properties.type = "47";
  const auto decoded = DecodeWalMessage(MsgId{"id"}, Payload::Own(""), properties);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_EQ(decoded->message->type, MessageType::kOther);
  EXPECT_EQ(static_cast<int>(decoded->type), 47);
}

TEST(DecodeWalMessage, TruncationNamesItsCollection) {
  WalProperties properties = milvus_2_6_8::kCommit.properties;
  properties.type = "38";
  properties.transaction.clear();
  properties.header = "CAEQBxoCCAk=";  // {1: database, 2: collection 7, 3: segments}
  const auto decoded = DecodeWalMessage(MsgId{"id"}, Payload::Own(""), properties);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_TRUE(IsKnown(decoded->type));
  EXPECT_EQ(decoded->message->type, MessageType::kTruncateCollection);
  EXPECT_EQ(decoded->message->collection, CollectionId{7});
  EXPECT_EQ(decoded->message->partition, kAllPartitions);
  EXPECT_GT(decoded->message->ts.value, 0U);
  properties.header = "CAE=";
  EXPECT_EQ(WalError(milvus_2_6_8::kCommit, properties).code(), StatusCode::kDataLoss);
}

TEST(DecodeWalMessage, ALogThatContinuesElsewhereIsRefusedWithTheCure) {
  WalProperties properties = milvus_2_6_8::kCommit.properties;
  properties.type = "700";
  properties.transaction.clear();
  const auto error = [&properties](const char* header) {
    properties.header = header;
    const Status status = WalError(milvus_2_6_8::kCommit, properties);
    EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
    return status.message();
  };
  EXPECT_THAT(error("CAI="), AllOf(HasSubstr("to Pulsar (AlterWAL)"), HasSubstr("sourceConfig"),
                                   HasSubstr("start_from: snapshot")));
  EXPECT_THAT(error("CAQ="),
              AllOf(HasSubstr("to Woodpecker (AlterWAL): configure"),
                    HasSubstr("sourceConfig (which is read as an experiment), start")));
  EXPECT_THAT(error("CGM="), HasSubstr("to another queue (AlterWAL): configure"));
}

TEST(DecodeWalMessage, NewerVersionsAndEncryptedBodiesAreRefused) {
  const Vector& insert = milvus_2_6_8::kInsert;
  for (const std::string_view version : {"3", "-1", "", "one"}) {
    WalProperties properties = insert.properties;
    properties.version = version;
    const Status status = WalError(insert, properties);
    EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition) << version;
    EXPECT_THAT(status.message(), HasSubstr("\"" + std::string(version) + "\""));
  }
  WalProperties encrypted = insert.properties;
  encrypted.cipher = "CAE=";
  EXPECT_EQ(WalError(insert, encrypted).code(), StatusCode::kFailedPrecondition);
}

TEST(DecodeWalMessage, MalformedPropertiesAreNamed) {
  const Vector& insert = milvus_2_6_8::kInsertOfTransaction;
  const auto error = [&insert](std::string WalProperties::* property, const char* value) {
    WalProperties properties = insert.properties;
    properties.*property = value;
    const Status status = WalError(insert, properties);
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << value;
    return status.message();
  };
  EXPECT_THAT(error(&WalProperties::type, "two"), HasSubstr("_t "));
  EXPECT_THAT(error(&WalProperties::type, "3"), HasSubstr("another type"));
  EXPECT_THAT(error(&WalProperties::time_tick, ""), HasSubstr("_tt"));
  EXPECT_THAT(error(&WalProperties::time_tick, "zzzzzzzzzzzzzzzz"), HasSubstr("_tt"));
  EXPECT_THAT(error(&WalProperties::time_tick, "0"), HasSubstr("no time"));
  EXPECT_THAT(error(&WalProperties::vchannel, ""), HasSubstr("_vc"));
  EXPECT_THAT(error(&WalProperties::header, "CJC"), HasSubstr("_h"));
  EXPECT_THAT(error(&WalProperties::header, "!!!!"), HasSubstr("_h"));
  EXPECT_THAT(error(&WalProperties::header, ""), HasSubstr("0 partitions"));
  EXPECT_THAT(error(&WalProperties::transaction, "//8="), HasSubstr("_tx"));
}

TEST(DecodeWalMessage, HeaderAndBodyMustAgree) {
  WalProperties properties = milvus_2_6_8::kInsertOfTransaction.properties;  // one row
  EXPECT_THAT(WalError(milvus_2_6_8::kInsert, properties).message(),         // three
              HasSubstr("does not fit its body"));
}

}  // namespace
}  // namespace cdc
