#include "decode/decode.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "decode/testing/vectors.h"
#include "decode/testing/vectors_2_5_7.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cdc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr CollectionId kHello{470642876028028048};
constexpr PartitionId kHelloDefault{470642876028028049};
constexpr std::string_view kShard0 = "by-dev-rootcoord-dml_0_470642876028028048v0";

MessagePtr Decode(std::string bytes) {
  auto message = DecodeMessage(MsgId{"id"}, Payload::Own(std::move(bytes)));
  EXPECT_TRUE(message.ok()) << message.status().ToString();
  return message.ok() ? *message : std::make_shared<Message>();
}

Status DecodeError(std::string bytes) {
  return DecodeMessage(MsgId{"id"}, Payload::Own(std::move(bytes))).status();
}

// A length-delimited field as protobuf writes it (below 128 bytes).
std::string Field(int number, std::string_view value) {
  std::string text;
  text += static_cast<char>(number << 3 | 2);
  text += static_cast<char>(value.size());
  return text + std::string(value);
}

std::string Number(int number, int value) {
  std::string text;
  text += static_cast<char>(number << 3);
  text += static_cast<char>(value);
  return text;
}

std::string Base(std::string_view type) {
  return Field(1, std::string("\x08") + std::string(type));
}
const std::string kInsertType("\x90\x03", 2);
const std::string kDeleteType("\x91\x03", 2);

// ids 1 and 2 at the times 5 and 6.
std::string SmallInsert(const std::string& column) {
  return Base(kInsertType) + Field(2, "c_1v0") + Number(7, 1) + Field(10, "\x05\x06") +
         Field(13, column) + Number(14, 2) + Number(15, 1);
}

std::string LongColumn() {
  return Number(1, 5) + Field(2, "id") + Field(3, Field(3, Field(1, "\x01\x02"))) + Number(5, 100);
}

TEST(DecodeMessage, TickOfTheSource) {
  const MessagePtr tick = Decode(FromHex(kTickHex));
  EXPECT_EQ(tick->type, MessageType::kTick);
  EXPECT_EQ(tick->ts.value, 470642936881610759U);
  EXPECT_EQ(tick->raw_type, 1200);
  EXPECT_EQ(tick->message_id, 0);
  EXPECT_EQ(tick->id, MsgId{"id"});
}

TEST(DecodeMessage, TickWithNegativeSourceId) {
  const MessagePtr tick = Decode(FromHex(kReplicatedTickHex));
  EXPECT_EQ(tick->type, MessageType::kTick);
  EXPECT_EQ(tick->ts.value, 470643109909495811U);
}

TEST(DecodeMessage, CreateCollection) {
  const MessagePtr create = Decode(FromHex(kCreateCollectionHex));
  EXPECT_EQ(create->type, MessageType::kCreateCollection);
  EXPECT_EQ(create->ts.value, 470642936881610761U);
  EXPECT_EQ(create->collection, kHello);
}

TEST(DecodeMessage, InsertOfEveryColumn) {
  const MessagePtr insert = Decode(FromHex(kInsertHex));
  EXPECT_EQ(insert->type, MessageType::kInsert);
  EXPECT_EQ(insert->vchannel, kShard0);
  EXPECT_EQ(insert->collection, kHello);
  EXPECT_EQ(insert->partition, kHelloDefault);
  EXPECT_EQ(insert->partition_name, "_default");
  EXPECT_EQ(insert->rows, 4U);
  EXPECT_EQ(insert->ts.value, 470642937143492611U);
  EXPECT_EQ(insert->message_id, 470642876028028067);
  ASSERT_THAT(insert->columns, SizeIs(4));

  const Column& id = insert->columns[0];
  EXPECT_EQ(id.field, FieldId{100});
  EXPECT_EQ(id.name, "id");
  EXPECT_EQ(id.type, DataType::kInt64);
  EXPECT_EQ(id.kind, ColumnKind::kScalarArray);
  EXPECT_EQ(id.oneof_field, 3);
  EXPECT_EQ(id.body, std::string_view("\x0a\x04\x00\x01\x02\x04", 6));

  const Column& vector = insert->columns[1];
  EXPECT_EQ(vector.type, DataType::kFloatVector);
  EXPECT_EQ(vector.kind, ColumnKind::kVectorArray);
  EXPECT_EQ(vector.oneof_field, 2);
  EXPECT_EQ(vector.dim, 8);
  EXPECT_EQ(vector.body.size(), 4 * 8 * sizeof(float) + 3);

  EXPECT_EQ(insert->columns[2].body,
            "\x0a\x02"
            "a0\x0a\x02"
            "a1\x0a\x02"
            "a2\x0a\x02"
            "a4");
  EXPECT_FALSE(insert->columns[2].is_dynamic);

  const Column& dynamic = insert->columns[3];
  EXPECT_EQ(dynamic.name, "$meta");
  EXPECT_EQ(dynamic.type, DataType::kJson);
  EXPECT_EQ(dynamic.oneof_field, 9);
  EXPECT_TRUE(dynamic.is_dynamic);
  EXPECT_THAT(dynamic.valid_data, IsEmpty());
}

TEST(DecodeMessage, ColumnsAreViewsOnTheRecord) {
  const Payload payload = Payload::Own(FromHex(kInsertHex));
  const auto message = DecodeMessage(MsgId{"id"}, payload);
  ASSERT_TRUE(message.ok());
  for (const Column& column : (*message)->columns) {
    EXPECT_GE(column.body.data(), payload.bytes.data());
    EXPECT_LE(column.body.data() + column.body.size(), payload.bytes.data() + payload.bytes.size());
  }
  EXPECT_EQ((*message)->payload.owner, payload.owner);
}

TEST(DecodeMessage, DeleteByNumbers) {
  const MessagePtr erase = Decode(FromHex(kDeleteHex));
  EXPECT_EQ(erase->type, MessageType::kDelete);
  EXPECT_EQ(erase->partition, kAllPartitions);
  EXPECT_EQ(erase->partition_name, "");
  EXPECT_EQ(erase->rows, 2U);
  EXPECT_EQ(erase->ts.value, 470642937156599813U);
  EXPECT_FALSE(erase->keys.is_string);
  EXPECT_EQ(erase->keys.body, "\x0a\x02\x01\x02");
}

TEST(DecodeMessage, UpsertHalvesHaveOneTimeAndTwoMessageIds) {
  const MessagePtr insert = Decode(FromHex(kUpsertInsertHex));
  const MessagePtr erase = Decode(FromHex(kUpsertDeleteHex));
  EXPECT_EQ(insert->type, MessageType::kInsert);
  EXPECT_EQ(erase->type, MessageType::kDelete);
  EXPECT_EQ(insert->ts.value, 470642937169969153U);
  EXPECT_EQ(erase->ts, insert->ts);
  EXPECT_EQ(insert->message_id, 470642876028028074);
  EXPECT_EQ(erase->message_id, 470642876028028075);
  EXPECT_EQ(erase->partition_name, "_default");
}

TEST(DecodeMessage, TypesWithoutUseComeAsOther) {
  EXPECT_EQ(Decode(FromHex(kFlushHex))->type, MessageType::kOther);
  const MessagePtr other = Decode(Base(std::string("\xbc\x09", 2)) + Field(12, "x"));
  EXPECT_EQ(other->type, MessageType::kOther);
  EXPECT_EQ(other->raw_type, 1212);
  EXPECT_FALSE(IsImport(*other));
}

TEST(DecodeMessage, DropMessages) {
  const std::string time("\x10\x00\x18\x2a", 4);
  const MessagePtr collection =
      Decode(Field(1, "\x08\x65" + time) + Field(3, "hello") + Number(5, 7));
  EXPECT_EQ(collection->type, MessageType::kDropCollection);
  EXPECT_EQ(collection->collection, CollectionId{7});
  EXPECT_EQ(collection->ts.value, 42U);
  const MessagePtr partition =
      Decode(Field(1, "\x08\xc9\x01" + time) + Field(4, "p") + Number(6, 7) + Number(7, 9));
  EXPECT_EQ(partition->type, MessageType::kDropPartition);
  EXPECT_EQ(partition->collection, CollectionId{7});
  EXPECT_EQ(partition->partition, PartitionId{9});
  EXPECT_EQ(partition->partition_name, "p");
}

TEST(DecodeMessage, FieldsInAnyOrderAndUnknownOnes) {
  const MessagePtr insert =
      Decode(Number(15, 1) + Field(13, LongColumn()) + Number(14, 2) + Field(10, "\x06\x05") +
             std::string("\xfa\x01\x05later") + Field(2, "c_1v0") + Base(kInsertType));
  EXPECT_EQ(insert->rows, 2U);
  EXPECT_EQ(insert->ts.value, 6U);
  EXPECT_EQ(insert->vchannel, "c_1v0");
}

TEST(DecodeMessage, TimestampsOneByOne) {
  const MessagePtr insert = Decode(Base(kInsertType) + Field(2, "c_1v0") + Number(10, 9) +
                                   Field(13, LongColumn()) + Number(10, 8));
  EXPECT_EQ(insert->rows, 2U);
  EXPECT_EQ(insert->ts.value, 9U);
}

TEST(DecodeMessage, BaseInTwoPiecesIsMerged) {
  const MessagePtr tick =
      Decode(Base("\x64") + Base(std::string("\xb0\x09", 2)) + Field(1, "\x18\x07"));
  EXPECT_EQ(tick->type, MessageType::kTick);
  EXPECT_EQ(tick->ts.value, 7U);
}

TEST(DecodeMessage, LegacyDeleteKeys) {
  const std::string begin = Base(kDeleteType) + Field(2, "c_1v0") + Field(10, "\x05\x05");
  const MessagePtr packed = Decode(begin + Field(9, "\x03\x04"));
  const MessagePtr single = Decode(begin + Number(9, 3) + Number(9, 4));
  for (const MessagePtr& message : {packed, single}) {
    std::vector<uint64_t> keys;
    EXPECT_FALSE(message->keys.is_string);
    EXPECT_TRUE(AppendKeyHashes(message->keys, &keys));
    EXPECT_THAT(keys, ElementsAre(3, 4));
  }
}

TEST(DecodeMessage, NewKeysWinOverLegacyOnes) {
  const MessagePtr erase = Decode(Base(kDeleteType) + Field(2, "c_1v0") + Field(10, "\x05") +
                                  Field(9, "\x03\x04") + Field(12, Field(2, Field(1, "key"))));
  EXPECT_TRUE(erase->keys.is_string);
  EXPECT_EQ(erase->keys.body, Field(1, "key"));
}

TEST(DecodeMessage, RowIds) {
  EXPECT_EQ(Decode(SmallInsert(LongColumn()) + Field(11, "\x81\x01\x02"))->row_ids, "\x81\x01\x02");
}

TEST(DecodeMessage, ValidDataInOnePieceIsAView) {
  const MessagePtr insert =
      Decode(SmallInsert(LongColumn() + Field(7, std::string("\x01\x00", 2))));
  EXPECT_EQ(insert->columns[0].valid_data, std::string_view("\x01\x00", 2));
}

TEST(DecodeMessage, ValidDataInPieces) {
  const MessagePtr insert =
      Decode(SmallInsert(LongColumn() + Number(7, 1) + Field(7, std::string("\x00", 1))));
  EXPECT_EQ(insert->columns[0].valid_data, std::string_view("\x01\x00", 2));
}

// 2.5.7 framing from Milvus' library, contents ours.
TEST(DecodeMessage, RecordsOf257) {
  const auto type_and_ms = [](std::string_view hex) {
    const MessagePtr message = Decode(FromHex(hex));
    return std::pair(message->type, message->ts.UnixMs() - 1742313000000);
  };
  EXPECT_THAT(type_and_ms(milvus_2_5_7::kCreateCollection),
              Pair(MessageType::kCreateCollection, 0));
  EXPECT_THAT(type_and_ms(milvus_2_5_7::kFirstTick), Pair(MessageType::kTick, 100));
  EXPECT_THAT(type_and_ms(milvus_2_5_7::kInsert), Pair(MessageType::kInsert, 150));
  EXPECT_THAT(type_and_ms(milvus_2_5_7::kSecondTick), Pair(MessageType::kTick, 200));
  EXPECT_THAT(type_and_ms(milvus_2_5_7::kDelete), Pair(MessageType::kDelete, 250));
  EXPECT_THAT(type_and_ms(milvus_2_5_7::kUpsertInsert), Pair(MessageType::kInsert, 260));
  EXPECT_THAT(type_and_ms(milvus_2_5_7::kUpsertDelete), Pair(MessageType::kDelete, 260));
  EXPECT_THAT(type_and_ms(milvus_2_5_7::kThirdTick), Pair(MessageType::kTick, 300));
  EXPECT_THAT(type_and_ms(milvus_2_5_7::kDropPartition), Pair(MessageType::kDropPartition, 310));
  EXPECT_THAT(type_and_ms(milvus_2_5_7::kDropCollection), Pair(MessageType::kDropCollection, 320));
  EXPECT_THAT(type_and_ms(milvus_2_5_7::kLastTick), Pair(MessageType::kTick, 400));
  EXPECT_EQ(Decode(FromHex(milvus_2_5_7::kCreateCollection))->collection, kHello);
  EXPECT_EQ(Decode(FromHex(milvus_2_5_7::kDropCollection))->collection, kHello);
  const MessagePtr partition = Decode(FromHex(milvus_2_5_7::kDropPartition));
  EXPECT_EQ(partition->partition, PartitionId{5});
  EXPECT_EQ(partition->partition_name, "p1");
}

TEST(DecodeMessage, RowsOf257) {
  const MessagePtr insert = Decode(FromHex(milvus_2_5_7::kInsert));
  EXPECT_EQ(insert->vchannel, "by-v25-rootcoord-dml_0_470642876028028048v0");
  EXPECT_EQ(insert->collection, kHello);
  EXPECT_EQ(insert->partition, kHelloDefault);
  EXPECT_EQ(insert->rows, 4U);
  ASSERT_THAT(insert->columns, SizeIs(4));
  // All rows have a value, a null one too.
  const Column& nullable = insert->columns[2];
  EXPECT_EQ(nullable.name, "n");
  EXPECT_EQ(nullable.valid_data, std::string_view("\x01\x00\x01\x00", 4));
  EXPECT_EQ(nullable.body, std::string_view("\x0a\x04\x01\x00\x03\x00", 6));
  EXPECT_TRUE(insert->columns[3].is_dynamic);
  const MessagePtr erase = Decode(FromHex(milvus_2_5_7::kDelete));
  EXPECT_EQ(erase->partition, kAllPartitions);
  EXPECT_EQ(erase->keys.body, "\x0a\x02\x01\x02");
  EXPECT_NE(Decode(FromHex(milvus_2_5_7::kUpsertInsert))->message_id,
            Decode(FromHex(milvus_2_5_7::kUpsertDelete))->message_id);
}

TEST(DecodeMessage, AnImportSaysWhatItConcerns) {
  const std::string type("\x08\x98\x03", 3);
  const std::string rest = Field(3, "hello") + Number(4, 7) + Field(5, "\x09") + Number(9, 5);
  const MessagePtr import = Decode(Field(1, type + "\x18\x2a") + rest);
  EXPECT_TRUE(IsImport(*import));
  EXPECT_EQ(import->ts, Timestamp{42});
  EXPECT_EQ(import->collection, CollectionId{7});
  EXPECT_EQ(import->partition, kAllPartitions);
  // Without a time it would be taken for one that was read long ago.
  const std::string timeless = Field(1, type) + rest;
  EXPECT_THAT(DecodeError(timeless).message(), HasSubstr("import: it has no time"));
  EXPECT_EQ(FindCollection(timeless), CollectionId{7});
}

struct BadCase {
  std::string name;
  std::string bytes;
  std::string text;
};

TEST(DecodeMessage, ErrorsSayWhatAndWhere) {
  const std::string scalars = Number(1, 5) + Field(2, "id");
  const std::string vectors = Number(1, 101) + Field(2, "v");
  const std::vector<BadCase> cases = {
      {"empty", "", "no message type"},
      {"no base", Field(2, "c_1v0"), "no message type"},
      {"base with another shape", Field(1, Field(1, "x")), "msg_type has a wrong wire type"},
      {"cut", FromHex(kInsertHex).substr(0, 100), "at byte"},
      {"row based", Base(kInsertType) + Field(2, "c_1v0") + Number(10, 5) + Field(12, "row"),
       "row-based form"},
      {"no shard", Base(kInsertType) + Number(10, 5) + Field(13, LongColumn()), "no shardName"},
      {"no columns", Base(kInsertType) + Field(2, "c_1v0") + Number(10, 5), "no columns"},
      {"num_rows", SmallInsert(LongColumn()) + Number(14, 3), "timestamps: 3 and 2"},
      {"a row id too few", SmallInsert(LongColumn()) + Field(11, "\x81\x01"), "one row id a row"},
      {"a row too many", SmallInsert(scalars + Field(3, Field(3, Field(1, "\x01\x02\x03")))),
       "column \"id\" (id 0, from byte 20): it does not have one value a row: 3 of 2"},
      {"number cut off", SmallInsert(scalars + Field(3, Field(3, Field(1, "\x01\x82")))),
       "cut off at byte"},
      {"no data", SmallInsert(scalars), "it has no data"},
      {"no data inside", SmallInsert(scalars + Field(3, "")), "it has no data"},
      {"two arrays", SmallInsert(scalars + Field(3, Field(3, "") + Field(3, ""))), "occurs twice"},
      {"two datas", SmallInsert(LongColumn() + Field(3, Field(3, ""))), "occurs twice"},
      {"unknown array", SmallInsert(scalars + Field(3, Field(14, ""))), "scalar 14"},
      {"unknown vector", SmallInsert(vectors + Field(4, Number(1, 4) + Field(9, ""))), "vector 9"},
      {"struct", SmallInsert(scalars + Field(8, "")), "structs"},
      {"vectors of an Int64",
       SmallInsert(scalars + Field(4, Number(1, 4) + Field(2, std::string(32, 'x')))),
       "its data is not of its type: Int64 in vector 2"},
      {"numbers of another form", SmallInsert(scalars + Field(3, Field(4, ""))),
       "its data is not of its type: Int64 in scalar 4"},
      {"scalars of a vector", SmallInsert(vectors + Field(3, Field(3, Field(1, "\x01\x02")))),
       "its data is not of its type: FloatVector in scalar 3"},
      {"a column twice", SmallInsert(LongColumn()) + Field(13, LongColumn()),
       "column \"id\" (id 100, from byte 42): it occurs twice"},
      {"a name twice",
       SmallInsert(scalars + Field(3, Field(3, Field(1, "\x01\x02")))) + Field(13, LongColumn()),
       "it occurs twice"},
      {"no dim", SmallInsert(vectors + Field(4, Field(2, Field(1, std::string(8, 'x'))))),
       "dimension is impossible: 0"},
      {"half a vector",
       SmallInsert(Number(1, 105) + Field(4, Number(1, 3) + Field(7, std::string(5, 'x')))),
       "not a whole number of vectors: 5 of 3"},
      {"valid_data", SmallInsert(LongColumn() + Field(7, "\x01")), "valid_data"},
      {"valid_data values", SmallInsert(LongColumn() + Field(7, "\x01\x02")), "0 and 1"},
      {"keys twice",
       Base(kDeleteType) + Field(2, "c_1v0") + Field(10, "\x05") +
           Field(12, Field(1, Field(1, "\x01"))) + Field(12, ""),
       "primary_keys occur twice"},
      {"too few keys",
       Base(kDeleteType) + Field(2, "c_1v0") + Field(10, "\x05\x06") +
           Field(12, Field(1, Field(1, "\x01"))),
       "one key a timestamp: 1 and 2"},
      {"no keys", Base(kDeleteType) + Field(2, "c_1v0") + Field(10, "\x05"), "1"},
      {"group", Base(kInsertType) + "\x13", "unknown wire type"},
      {"field zero", Base(kInsertType) + std::string(2, '\0'), "impossible number"},
  };
  for (const BadCase& bad : cases) {
    const Status status = DecodeError(bad.bytes);
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << bad.name;
    EXPECT_THAT(status.message(), HasSubstr(bad.text)) << bad.name;
  }
}

// Error messages end up in logs and answers.
TEST(FindCollection, IsReadFromWhatIsLeftOfARecord) {
  const std::string record = FromHex(kInsertHex);
  ASSERT_FALSE(DecodeError(record.substr(0, record.size() - 5)).ok());
  EXPECT_EQ(FindCollection(record.substr(0, record.size() - 5)), kHello);
  EXPECT_EQ(FindCollection(record.substr(0, 20)), std::nullopt);
  EXPECT_EQ(FindCollection("\xff\xff not a message"), std::nullopt);
  EXPECT_EQ(FindCollection(FromHex(kTickHex)), std::nullopt);
}

TEST(DecodeMessage, ErrorsRepeatOnlyTheBeginOfAName) {
  std::string column = Number(1, 5) + '\x12' + "\xe8\x07" + std::string(1000, 'n');
  std::string insert = SmallInsert("").substr(0, 18) + '\x6a' + "\xed\x07" + column;
  const Status status = DecodeError(insert);
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("nnn…\" (id 0"));
  EXPECT_LT(status.message().size(), 400U);
}

TEST(DecodeMessage, DataOfATypeThatIsNotKnownPasses) {
  const MessagePtr insert = Decode(SmallInsert(Number(1, 77) + Field(2, "x") +
                                               Field(3, Field(6, Field(1, "a") + Field(1, "b")))));
  ASSERT_THAT(insert->columns, SizeIs(1));
  EXPECT_EQ(insert->columns[0].kind, ColumnKind::kScalarArray);
}

}  // namespace
}  // namespace cdc
