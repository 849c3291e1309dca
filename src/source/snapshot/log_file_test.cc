#include "source/snapshot/log_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "source/snapshot/testing/log_file_writer.h"
#include "source/snapshot/testing/memory_storage.h"
#include "source/snapshot/testing/milvus_files.h"

namespace cdc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr size_t kTypeOfEvent = 4 + 8;
constexpr size_t kLengthOfEvent = kTypeOfEvent + 1;

Result<LogFileHeader> Read(const std::string& bytes, LogKind kind = LogKind::kInsert) {
  return ReadLogFileHeader(*NewMemoryFile(bytes), kind);
}

std::string ErrorOf(const std::string& bytes, LogKind kind = LogKind::kInsert) {
  return Read(bytes, kind).status().ToString();
}

TEST(LogFileTest, ReadsAnInsertLogOfMilvus) {
  const auto header = Read(FromHex(kVectorLog));
  ASSERT_TRUE(header.ok()) << header.status().ToString();
  EXPECT_EQ(header->collection, CollectionId{470729803981592540});
  EXPECT_EQ(header->partition, PartitionId{470729803981592541});
  EXPECT_EQ(header->segment, SegmentId{470729803981594208});
  EXPECT_EQ(header->field, FieldId{101});
  EXPECT_EQ(header->type, DataType::kBinaryVector);
  EXPECT_THAT(header->payloads, ElementsAre(ByteRange{140, 347 - 107}));
}

TEST(LogFileTest, ReadsADeleteLogOfMilvus) {
  const auto header = Read(FromHex(kDeleteLog), LogKind::kDelete);
  ASSERT_TRUE(header.ok()) << header.status().ToString();
  EXPECT_EQ(header->field, FieldId{-1});
  EXPECT_EQ(header->type, DataType::kString);
  EXPECT_EQ(header->payloads.size(), 1U);
}

TEST(LogFileTest, ReadsSeveralPayloads) {
  const Field field{.id = FieldId{5}, .type = DataType::kInt64};
  const std::string payload = WriteParquet(field, {.ints = {1, 2}});
  const auto header =
      Read(WriteLogFile({.field = field.id, .type = field.type}, {payload, payload}));
  ASSERT_TRUE(header.ok()) << header.status().ToString();
  EXPECT_EQ(header->payloads.size(), 2U);
  EXPECT_EQ(header->payloads[1].size, static_cast<int64_t>(payload.size()));
}

TEST(LogFileTest, NamesWhatIsDamaged) {
  const std::string good = FromHex(kTimeLog);
  const auto with = [&good](size_t at, char value) {
    std::string bytes = good;
    bytes[at] = value;
    return bytes;
  };
  EXPECT_THAT(ErrorOf(""), HasSubstr("DATA_LOSS: the file has only 0 bytes"));
  EXPECT_THAT(ErrorOf(with(0, 'P')), HasSubstr("magic number"));
  EXPECT_THAT(ErrorOf("PAR2PAR2"), HasSubstr("magic number"));
  EXPECT_THAT(ErrorOf(with(kTypeOfEvent, 1)), HasSubstr("does not begin with a descriptor"));
  EXPECT_THAT(ErrorOf(with(kLengthOfEvent, 3)), HasSubstr("impossible length: 3 at byte 4"));
  EXPECT_THAT(ErrorOf(good, LogKind::kDelete), HasSubstr("wrong type: 1"));
  EXPECT_THAT(ErrorOf(good + "x"), HasSubstr("the file ends early"));
}

TEST(LogFileTest, RefusesEveryPrefix) {
  for (const std::string_view hex : {kTimeLog, kKeyLog, kVectorLog}) {
    const std::string good = FromHex(hex);
    for (size_t size = 0; size < good.size(); ++size) {
      EXPECT_EQ(Read(good.substr(0, size)).status().code(), StatusCode::kDataLoss) << size;
    }
  }
}

TEST(LogFileTest, RefusesWhatItDoesNotKnow) {
  const auto with_extra = [](const std::string& extra) {
    return WriteLogFile({}, {"PAR1PAR1"}, {.extra = extra});
  };
  EXPECT_TRUE(Read(with_extra(R"({"original_size":"1","nullable":false})")).ok());
  EXPECT_THAT(ErrorOf(with_extra(R"({"original_size":"1","edek":"x"})")),
              HasSubstr("FAILED_PRECONDITION: it is encrypted"));
  EXPECT_THAT(ErrorOf(with_extra(R"({"original_size":"1","version":"MULTI_FIELD"})")),
              HasSubstr("FAILED_PRECONDITION: it has an unknown version: \"MULTI_FIELD\""));
  EXPECT_THAT(ErrorOf(with_extra("{}")), HasSubstr("DATA_LOSS"));
  EXPECT_THAT(ErrorOf(with_extra("[")), HasSubstr("DATA_LOSS"));
  EXPECT_THAT(ErrorOf(WriteLogFile({}, {"PARQPARQ"})), HasSubstr("no Parquet file"));
  EXPECT_THAT(ErrorOf(WriteLogFile({}, {})), HasSubstr("the file ends early"));
}

}  // namespace
}  // namespace cdc
