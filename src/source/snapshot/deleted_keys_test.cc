#include "source/snapshot/deleted_keys.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "source/snapshot/testing/later_files.h"
#include "source/snapshot/testing/log_file_writer.h"
#include "source/snapshot/testing/memory_storage.h"
#include "source/snapshot/testing/milvus_files.h"

namespace cdc {
namespace {

using testing::HasSubstr;

constexpr CollectionId kCollection{1};
constexpr Timestamp kCut{100};
const std::stop_token kNoStop;

std::string Entry(int64_t key, uint64_t time) {
  return "{\"pk\":" + std::to_string(key) + ",\"ts\":" + std::to_string(time) + ",\"pkType\":5}";
}

TEST(DeletedKeysTest, AnEqualTimeIsTheRowsOwnUpsert) {
  DeletedKeys keys;
  keys.Add(7, Timestamp{10});
  keys.Add("k", Timestamp{10});
  for (const uint64_t time : {9U, 10U, 11U}) {
    EXPECT_EQ(keys.Covers(7, Timestamp{time}), time < 10);
    EXPECT_EQ(keys.Covers("k", Timestamp{time}), time < 10);
  }
  EXPECT_FALSE(keys.Covers(8, Timestamp{0}));
  EXPECT_FALSE(keys.Covers("", Timestamp{0}));
}

TEST(DeletedKeysTest, TheLatestDeleteCounts) {
  DeletedKeys keys;
  for (const uint64_t time : {20U, 30U, 10U}) {
    keys.Add(7, Timestamp{time});
    keys.Add("k", Timestamp{time});
  }
  EXPECT_TRUE(keys.Covers(7, Timestamp{29}));
  EXPECT_FALSE(keys.Covers(7, Timestamp{30}));
  EXPECT_TRUE(keys.Covers("k", Timestamp{29}));
  EXPECT_EQ(keys.size(), 2U);
}

TEST(DeleteEntryTest, KeysKeepEveryBit) {
  DeletedKeys keys;
  constexpr int64_t kLow = std::numeric_limits<int64_t>::min();
  for (const int64_t key : {int64_t{0}, (int64_t{1} << 53) + 1, kLow}) {
    EXPECT_EQ(AddDeleteEntry(Entry(key, 50), kCut, &keys), OkStatus());
    EXPECT_TRUE(keys.Covers(key, Timestamp{49})) << key;
  }
  EXPECT_FALSE(keys.Covers(int64_t{1} << 53, Timestamp{49}));
  // Milvus escapes what could be HTML.
  EXPECT_EQ(AddDeleteEntry(R"({"pk":"a\u003cb\"\\\n日","ts":50,"pkType":21})", kCut, &keys),
            OkStatus());
  EXPECT_TRUE(keys.Covers("a<b\"\\\n日", Timestamp{49}));
}

TEST(DeleteEntryTest, LaterThanTheCutIsForTheLog) {
  DeletedKeys keys;
  EXPECT_EQ(AddDeleteEntry(Entry(1, 100), kCut, &keys), OkStatus());
  EXPECT_EQ(AddDeleteEntry(Entry(2, 101), kCut, &keys), OkStatus());
  EXPECT_TRUE(keys.Covers(1, Timestamp{99}));
  EXPECT_FALSE(keys.Covers(2, Timestamp{99}));
}

TEST(DeleteEntryTest, AnythingElseIsDamage) {
  for (const char* entry :
       {"", "1,50", "[]", "{}", R"({"pk":1,"ts":50})", R"({"pk":1,"ts":-50,"pkType":5})",
        R"({"pk":1,"ts":1e3,"pkType":5})", R"({"pk":"1","ts":50,"pkType":5})",
        R"({"pk":1,"ts":50,"pkType":21})", R"({"pk":9223372036854775808000,"ts":50,"pkType":5})",
        R"({"pk":1,"ts":50,"pkType":5)"}) {
    DeletedKeys keys;
    EXPECT_EQ(AddDeleteEntry(entry, kCut, &keys).code(), StatusCode::kDataLoss) << entry;
    EXPECT_EQ(keys.size(), 0U);
  }
}

class DeleteLogsTest : public testing::Test {
 protected:
  Status Read(const Segment& segment) {
    return ReadDeleteLogs(storage_, kCollection, segment, kCut, kNoStop, &keys_);
  }

  Segment segment_{.id = SegmentId{3}, .partition = PartitionId{2}};
  MemoryStorage storage_;
  DeletedKeys keys_;
};

TEST_F(DeleteLogsTest, ReadsAFileOfMilvus) {
  constexpr uint64_t kTime = 470731292081651714;
  std::string file = FromHex(kDeleteLog);
  const auto header = ReadLogFileHeader(*NewMemoryFile(file), LogKind::kDelete);
  ASSERT_TRUE(header.ok());
  const Segment segment{.id = SegmentId{3}, .partition = header->partition};
  storage_.files[DeleteLogFolder(header->collection, segment) + "/5"] = file;
  EXPECT_EQ(
      ReadDeleteLogs(storage_, header->collection, segment, Timestamp{kTime}, kNoStop, &keys_),
      OkStatus());
  EXPECT_EQ(keys_.size(), 2U);
  EXPECT_TRUE(keys_.Covers(1, Timestamp{kTime - 1}));
  EXPECT_TRUE(keys_.Covers(2, Timestamp{kTime - 1}));
}

TEST_F(DeleteLogsTest, ReadsKeysAndTimesInColumns) {
  segment_.delete_logs = {{.id = 5, .rows = 3}, {.id = 6, .rows = 2}};
  storage_.files["delta_log/1/2/3/5"] = FromHex(kDeletedInts);
  storage_.files["delta_log/1/2/3/6"] = FromHex(kDeletedTexts);
  constexpr Timestamp kEarly{60};
  EXPECT_EQ(ReadDeleteLogs(storage_, kCollection, segment_, kEarly, kNoStop, &keys_), OkStatus());
  EXPECT_TRUE(keys_.Covers(5, Timestamp{49}) && !keys_.Covers(5, Timestamp{50}));
  EXPECT_TRUE(keys_.Covers(6, Timestamp{59}));
  EXPECT_TRUE(keys_.Covers("a", Timestamp{49}));
  EXPECT_TRUE(keys_.Covers("", Timestamp{59}));
  EXPECT_EQ(keys_.size(), 4U);  // what is later than the cut is for the log
  segment_.delete_logs = {{.id = 5, .rows = 4}};
  EXPECT_THAT(Read(segment_).ToString(), HasSubstr("DATA_LOSS: delta_log/1/2/3/5: "));
}

// Each bit of each file: a key or a time is right or refused.
TEST_F(DeleteLogsTest, NoFlippedBitChangesAColumn) {
  segment_.delete_logs = {{.id = 5, .rows = 3}};
  const std::string good = FromHex(kDeletedInts);
  size_t refused = 0;
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string& bytes = storage_.files["delta_log/1/2/3/5"] = good;
    bytes[bit / 8] = static_cast<char>(static_cast<unsigned char>(bytes[bit / 8]) ^ 1U << bit % 8);
    keys_ = {};
    if (!Read(segment_).ok()) {
      ++refused;
      continue;
    }
    EXPECT_EQ(keys_.size(), 3U) << bit;
    EXPECT_TRUE(keys_.Covers(5, Timestamp{49}) && !keys_.Covers(5, Timestamp{50})) << bit;
    EXPECT_TRUE(keys_.Covers(6, Timestamp{59}) && !keys_.Covers(6, Timestamp{60})) << bit;
    EXPECT_TRUE(keys_.Covers(-7, Timestamp{69}) && !keys_.Covers(-7, Timestamp{70})) << bit;
  }
  EXPECT_GT(refused, good.size());
}

TEST_F(DeleteLogsTest, ReadsFilesThatEtcdForgot) {
  segment_.delete_logs = {{.id = 5, .rows = 1}};
  storage_.files["delta_log/1/2/3/5"] = WriteDeleteLog(kCollection, PartitionId{2}, {Entry(1, 50)});
  storage_.files["delta_log/1/2/3/6"] =
      WriteDeleteLog(kCollection, PartitionId{2}, {Entry(2, 50), Entry(3, 50)});
  storage_.files["delta_log/1/2/3/.tmp"] = "not a file of Milvus";
  EXPECT_EQ(Read(segment_), OkStatus());
  EXPECT_EQ(keys_.size(), 3U);
}

TEST_F(DeleteLogsTest, NamesTheFileThatIsGoneOrDamaged) {
  segment_.delete_logs = {{.id = 5, .rows = 1}};
  EXPECT_EQ(Read(segment_).code(), StatusCode::kNotFound);
  std::string& file = storage_.files["delta_log/1/2/3/5"];
  file = "x";
  EXPECT_THAT(Read(segment_).ToString(), HasSubstr("DATA_LOSS: delta_log/1/2/3/5: "));
  file = WriteDeleteLog(kCollection, PartitionId{9}, {Entry(1, 50)});
  EXPECT_THAT(Read(segment_).ToString(), HasSubstr("another partition: 9"));
  file = WriteDeleteLog(kCollection, PartitionId{2}, {Entry(1, 50), Entry(2, 50)});
  EXPECT_THAT(Read(segment_).ToString(), HasSubstr("2 of 1"));
}

TEST_F(DeleteLogsTest, AFileThatIsBeingWrittenIsTriedAgain) {
  storage_.files["delta_log/1/2/3/5"] =
      WriteDeleteLog(kCollection, PartitionId{2}, {Entry(1, 50)}).substr(0, 200);
  EXPECT_TRUE(IsRetryable(Read(segment_)));
}

TEST_F(DeleteLogsTest, TheStoragesErrorIsReturned) {
  storage_.failure = UnavailableError("away");
  EXPECT_EQ(Read(segment_), UnavailableError("away"));
}

}  // namespace
}  // namespace cdc
