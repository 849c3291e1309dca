#include "source/rocksmq/rocksmq_log.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include "base/testing/eventually.h"
#include "base/testing/fake_clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "source/rocksmq/rocksmq_log_key.h"
#include "source/testing/log_contract.h"

namespace cdc {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// As large as real ids: 18 digits.
constexpr int64_t kBase = 470644756679229440;

// Plays Milvus: the process that has the store open and writes to it.
class Primary {
 public:
  explicit Primary(fs::path path) : path_(std::move(path)) { Open(); }
  ~Primary() { Close(); }
  Primary(const Primary&) = delete;
  Primary& operator=(const Primary&) = delete;

  void Open() {
    rocksdb::DBOptions options;
    options.create_if_missing = true;
    options.create_missing_column_families = true;
    rocksdb::DB* db = nullptr;
    const auto status = rocksdb::DB::Open(options, path_.string(),
                                          {{"default", {}}, {"properties", {}}}, &families_, &db);
    ASSERT_TRUE(status.ok()) << status.ToString();
    db_.reset(db);
  }

  void Close() {
    for (auto* family : families_) {
      db_->DestroyColumnFamilyHandle(family);
    }
    families_.clear();
    db_.reset();
  }

  void Write(const std::string& topic, int64_t id, const std::string& value) {
    WriteKey(RocksmqKey(topic, kBase + id), value);
  }

  void WriteKey(const std::string& key, const std::string& value) {
    ASSERT_TRUE(db_->Put({}, key, value).ok());
  }

  // Deletes the records up to `last`, as RocksMQ's retention does.
  void Expire(const std::string& topic, int64_t last) {
    ASSERT_TRUE(db_->DeleteRange({}, db_->DefaultColumnFamily(), RocksmqKey(topic, 0),
                                 RocksmqKey(topic, kBase + last + 1))
                    .ok());
  }

  // Deletes what no retention would: the newest record.
  void Lose(const std::string& topic, int64_t id) {
    ASSERT_TRUE(db_->Delete({}, RocksmqKey(topic, kBase + id)).ok());
  }

  void Flush() { ASSERT_TRUE(db_->Flush({}).ok()); }
  void Compact() { ASSERT_TRUE(db_->CompactRange({}, nullptr, nullptr).ok()); }

 private:
  fs::path path_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
};

class RocksmqLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "rocksmq-log-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    primary_ = std::make_unique<Primary>(folder_ / "rdb");
    options_.path = (folder_ / "rdb").string();
    options_.poll_min = milliseconds(1);
    options_.poll_max = milliseconds(2);
    options_.shortest_retention = milliseconds(0);
  }

  void TearDown() override {
    reader_.reset();
    log_.reset();
    primary_.reset();
    fs::remove_all(folder_);
  }

  void OpenLog() {
    auto log = OpenRocksmqLog(options_);
    ASSERT_TRUE(log.ok()) << log.status().ToString();
    log_ = *std::move(log);
    auto reader = log_->NewReader();
    ASSERT_TRUE(reader.ok());
    reader_ = *std::move(reader);
  }

  void Add(const std::string& topic, std::optional<LogPosition> start = std::nullopt) {
    const Status status = reader_->Add(topic, start);
    ASSERT_TRUE(status.ok()) << status.ToString();
  }

  static LogPosition At(int64_t id) { return {EncodeRocksmqId(kBase + id), true}; }
  static LogPosition After(int64_t id) { return {EncodeRocksmqId(kBase + id), false}; }

  // Makes the next Poll see what is written by now, although the previous one was a moment ago.
  void SeeNow() { ASSERT_TRUE(log_->Latest("").ok()); }

  // The result of one Poll: "topic/1=value", and errors as "topic: OUT_OF_RANGE: text".
  std::vector<std::string> Poll(size_t max_bytes = 1 << 20,
                                milliseconds timeout = milliseconds(0)) {
    std::vector<LogBatch> batches;
    const Status status = reader_->Poll(max_bytes, timeout, std::stop_token(), &batches);
    EXPECT_TRUE(status.ok()) << status.ToString();
    std::vector<std::string> lines;
    for (const LogBatch& batch : batches) {
      for (const LogRecord& record : batch.records) {
        const auto id = DecodeRocksmqId(record.id);
        EXPECT_TRUE(id.ok());
        lines.push_back(batch.channel + "/" + std::to_string(*id - kBase) + "=" +
                        std::string(record.payload.bytes));
      }
      if (!batch.status.ok()) {
        EXPECT_THAT(batch.records, IsEmpty());
        lines.push_back(batch.channel + ": " + batch.status.ToString());
      }
    }
    return lines;
  }

  FakeClock clock_;
  fs::path folder_;
  RocksmqOptions options_;
  std::unique_ptr<Primary> primary_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<LogReader> reader_;
};

TEST(RocksmqKeys, IdsAreEightBytesLittleEndian) {
  EXPECT_EQ(EncodeRocksmqId(0x0102030405060708).bytes, "\x08\x07\x06\x05\x04\x03\x02\x01");
  EXPECT_EQ(*DecodeRocksmqId(EncodeRocksmqId(kBase)), kBase);
  EXPECT_EQ(DecodeRocksmqId({"1234567"}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(DecodeRocksmqId({std::string(8, '\xff')}).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(RocksmqKeys, OnlyPlainNumbersAreIds) {
  EXPECT_EQ(ParseRocksmqId("12"), 12);
  for (const auto* text : {"", "-1", "+1", "1 ", "1/2", "x", "99999999999999999999"}) {
    EXPECT_EQ(ParseRocksmqId(text), std::nullopt) << text;
  }
}

TEST_F(RocksmqLogTest, FulfillsTheContract) {
  OpenLog();
  int64_t id = 0;
  LogContract contract;
  contract.log = log_.get();
  contract.prefix = "contract";
  contract.write = [&](const std::string& channel, const std::vector<std::string>& values) {
    for (const std::string& value : values) {
      primary_->Write(channel, ++id, value);
    }
  };
  contract.Run();
}

TEST_F(RocksmqLogTest, FollowsTheTail) {
  primary_->Write("a_1", 1, "one");
  OpenLog();
  Add("a_1");
  EXPECT_THAT(Poll(), ElementsAre("a_1/1=one"));
  EXPECT_THAT(Poll(), IsEmpty());
  primary_->Write("a_1", 2, "two");
  primary_->Write("a_1", 3, "");
  EXPECT_THAT(Poll(1 << 20, kPatience), ElementsAre("a_1/2=two", "a_1/3="));
  EXPECT_THAT(Poll(), IsEmpty());
}

TEST_F(RocksmqLogTest, TopicsWithACommonBeginningDoNotMix) {
  primary_->Write("a_1", 1, "x");
  primary_->Write("a_10", 2, "y");
  primary_->Write("a_1", 3, "z");
  primary_->Write("a_", 4, "w");
  OpenLog();
  Add("a_1");
  EXPECT_THAT(Poll(), ElementsAre("a_1/1=x", "a_1/3=z"));
  EXPECT_EQ(*log_->Latest("a_1"), EncodeRocksmqId(kBase + 3));
  EXPECT_EQ(*log_->Latest("a_10"), EncodeRocksmqId(kBase + 2));
  EXPECT_EQ(*log_->Latest("a_"), EncodeRocksmqId(kBase + 4));
  EXPECT_EQ(*log_->Latest("a"), std::nullopt);
  EXPECT_EQ(*log_->Latest("b"), std::nullopt);
}

TEST_F(RocksmqLogTest, MessagesOfTheWriteAheadLogAreMarked) {
  const std::string begin = "\xFF\xFE\xFD\xFCSTREAM";
  primary_->Write("a", 1, "v");
  primary_->Write("a", 2,
                  begin + "\x0a\x03pay" + "\x12\x07\x0a\x02_t\x12\x01" + "1" +
                      "\x12\x07\x0a\x02_v\x12\x01" + "2");
  primary_->Write("a", 3, begin + "\x0a\x03pay");
  primary_->Write("a", 4, "v");
  OpenLog();
  Add("a");
  std::vector<LogBatch> batches;
  ASSERT_TRUE(reader_->Poll(1 << 20, milliseconds(0), std::stop_token(), &batches).ok());
  ASSERT_THAT(batches, SizeIs(1));
  std::vector<std::string> versions;
  for (const LogRecord& record : batches[0].records) {
    versions.push_back(record.wal == nullptr ? "" : record.wal->version);
  }
  EXPECT_THAT(versions, ElementsAre("", "2", "unknown", ""));
  const LogRecord& marked = batches[0].records[1];
  EXPECT_EQ(marked.payload.bytes, "pay");
  EXPECT_EQ(marked.wal->type, "1");
}

TEST_F(RocksmqLogTest, BeginsAtAPosition) {
  for (int64_t id = 1; id <= 4; ++id) {
    primary_->Write("a", id, "v");
    primary_->Write("b", id, "v");
  }
  OpenLog();
  Add("a", At(2));
  Add("b", After(4));
  EXPECT_THAT(Poll(), ElementsAre("a/2=v", "a/3=v", "a/4=v"));
  primary_->Write("b", 5, "v");
  EXPECT_THAT(Poll(1 << 20, kPatience), ElementsAre("b/5=v"));
}

TEST_F(RocksmqLogTest, APositionThatIsNewerThanTheLastLookIsNotBeyondTheLog) {
  options_.poll_min = std::chrono::hours(1);  // it does not poll by itself
  primary_->Write("a", 1, "v");
  OpenLog();
  Add("b");
  EXPECT_THAT(Poll(), IsEmpty());
  primary_->Write("a", 2, "w");
  Add("a", At(2));
  EXPECT_THAT(Poll(), ElementsAre("a/2=w"));
}

TEST_F(RocksmqLogTest, AChannelMayComeIntoBeingLater) {
  OpenLog();
  Add("a");
  EXPECT_THAT(Poll(), IsEmpty());
  primary_->Write("a", 1, "v");
  EXPECT_THAT(Poll(1 << 20, kPatience), ElementsAre("a/1=v"));
}

TEST_F(RocksmqLogTest, ABatchIsBoundedAndGoesOn) {
  for (int64_t id = 1; id <= 5; ++id) {
    primary_->Write("a", id, std::string(100, 'v'));
  }
  OpenLog();
  Add("a");
  EXPECT_THAT(Poll(150), SizeIs(2));
  EXPECT_THAT(Poll(150), SizeIs(2));
  EXPECT_THAT(Poll(150), SizeIs(1));
  EXPECT_THAT(Poll(150), IsEmpty());
}

TEST_F(RocksmqLogTest, ValuesOfAllSizesStayValid) {
  std::vector<std::string> values;
  const std::vector<size_t> sizes = {0,    1,    4096, 4097, 30000, 20,   4000, 4000,   4000,
                                     4000, 4000, 4000, 4000, 4000,  4000, 3,    1 << 20};
  for (const size_t size : sizes) {
    values.emplace_back(size, static_cast<char>('a' + values.size()));
    primary_->Write("a", static_cast<int64_t>(values.size()), values.back());
  }
  OpenLog();
  ASSERT_TRUE(reader_->Add("a", std::nullopt).ok());
  std::vector<LogBatch> batches;
  ASSERT_TRUE(reader_->Poll(10 << 20, milliseconds(0), {}, &batches).ok());
  reader_.reset();
  log_.reset();
  ASSERT_THAT(batches, SizeIs(1));
  ASSERT_THAT(batches[0].records, SizeIs(values.size()));
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(batches[0].records[i].payload.bytes, values[i]) << i;
    EXPECT_EQ(batches[0].records[i].id, EncodeRocksmqId(kBase + static_cast<int64_t>(i) + 1));
  }
}

TEST_F(RocksmqLogTest, APausedChannelKeepsItsPlace) {
  OpenLog();
  Add("a");
  Add("b");
  reader_->SetPaused("a", true);
  primary_->Write("a", 1, "v");
  primary_->Write("b", 2, "v");
  EXPECT_THAT(Poll(1 << 20, kPatience), ElementsAre("b/2=v"));
  reader_->SetPaused("a", false);
  EXPECT_THAT(Poll(), ElementsAre("a/1=v"));
  reader_->Remove("a");
  primary_->Write("a", 3, "v");
  EXPECT_THAT(Poll(1 << 20, milliseconds(20)), IsEmpty());
  Add("a", After(1));
  EXPECT_THAT(Poll(), ElementsAre("a/3=v"));
  EXPECT_EQ(reader_->Add("a", std::nullopt).code(), StatusCode::kAlreadyExists);
}

TEST_F(RocksmqLogTest, FlushAndCompactionChangeNothing) {
  OpenLog();
  Add("a");
  std::vector<std::string> seen;
  for (int64_t id = 1; id <= 60; ++id) {
    primary_->Write("a", id, std::string(1000, 'v'));
    if (id % 7 == 0) {
      primary_->Flush();
    }
    if (id % 20 == 0) {
      primary_->Compact();
    }
    for (const std::string& line : Poll(1 << 20, milliseconds(id % 3 == 0 ? 100 : 0))) {
      seen.push_back(line.substr(0, line.find('=')));
    }
  }
  for (const std::string& line : Poll(1 << 20, milliseconds(20))) {
    seen.push_back(line.substr(0, line.find('=')));
  }
  ASSERT_THAT(seen, SizeIs(60));
  for (size_t i = 0; i < seen.size(); ++i) {
    EXPECT_EQ(seen[i], "a/" + std::to_string(i + 1));
  }
}

TEST_F(RocksmqLogTest, GoesOnAfterThePrimaryStartsAgain) {
  primary_->Write("a", 1, "v");
  OpenLog();
  Add("a");
  EXPECT_THAT(Poll(), ElementsAre("a/1=v"));
  for (int64_t id = 2; id < 6; ++id) {
    primary_->Close();
    EXPECT_THAT(Poll(), IsEmpty());
    primary_->Open();
    primary_->Write("a", id, "v");
    EXPECT_THAT(Poll(1 << 20, kPatience), ElementsAre("a/" + std::to_string(id) + "=v"));
  }
}

TEST_F(RocksmqLogTest, AFolderThatVanishesIsUnavailableAndAnotherStoreInItIsNoticed) {
  primary_->Write("a", 1, "v");
  OpenLog();
  Add("a");
  EXPECT_THAT(Poll(), ElementsAre("a/1=v"));
  primary_->Close();
  fs::remove_all(folder_ / "rdb");
  const Status gone = log_->CheckPosition("a", At(1));
  EXPECT_EQ(gone.code(), StatusCode::kUnavailable);
  EXPECT_THAT(gone.message(), HasSubstr(options_.path));
  std::vector<LogBatch> batches;
  EXPECT_EQ(reader_->Poll(1 << 20, milliseconds(10), {}, &batches).code(),
            StatusCode::kUnavailable);

  primary_->Open();
  primary_->Write("a", 100, "v");
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  Status status = gone;
  while (!status.ok() && std::chrono::steady_clock::now() < deadline) {
    status = log_->CheckPosition("a", At(100));
  }
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_THAT(Poll(), ElementsAre(HasSubstr("position expired")));
}

TEST_F(RocksmqLogTest, RetentionBehindTheReaderIsNoGap) {
  OpenLog();
  Add("a");
  for (int64_t id = 1; id <= 5; ++id) {
    primary_->Write("a", id, "v");
  }
  EXPECT_THAT(Poll(1 << 20, kPatience), SizeIs(5));
  primary_->Expire("a", 4);
  primary_->Write("a", 6, "v");
  EXPECT_THAT(Poll(1 << 20, kPatience), ElementsAre("a/6=v"));
}

TEST_F(RocksmqLogTest, RetentionAheadOfTheReaderIsAGap) {
  OpenLog();
  Add("a");
  Add("b");
  for (int64_t id = 1; id <= 5; ++id) {
    primary_->Write("a", id, "12345");
    primary_->Write("b", id, "12345");
  }
  reader_->SetPaused("b", true);
  EXPECT_THAT(Poll(8, kPatience), SizeIs(2));
  primary_->Expire("a", 3);
  SeeNow();
  const std::string first = std::to_string(kBase + 2);
  const std::string oldest = std::to_string(kBase + 4);
  const std::string gap = "a: OUT_OF_RANGE: position expired: channel a: " + first + " < " + oldest;
  EXPECT_THAT(Poll(), ElementsAre(gap));
  reader_->SetPaused("b", false);
  EXPECT_THAT(Poll(), SizeIs(6)) << "the other channel goes on";
  // The error stays, and is reported again after the timeout, not at once.
  EXPECT_THAT(Poll(1 << 20, milliseconds(5)), ElementsAre(gap));
}

TEST_F(RocksmqLogTest, AllRecordsExpiredBehindAReaderThatSawThemIsNoGap) {
  options_.clock = &clock_;
  options_.shortest_retention = milliseconds(5'000);
  OpenLog();
  Add("a");
  primary_->Write("a", 1, "v");
  primary_->Write("a", 2, "v");
  SeeNow();
  EXPECT_THAT(Poll(), SizeIs(2));
  // However long it was at the tail: what counts is when it last looked.
  clock_.Advance(std::chrono::hours(1));
  EXPECT_THAT(Poll(), IsEmpty());
  clock_.Advance(milliseconds(4'999));
  primary_->Expire("a", 2);
  primary_->Write("a", 3, "v");
  SeeNow();
  EXPECT_THAT(Poll(), ElementsAre("a/3=v"));
}

TEST_F(RocksmqLogTest, TheSameAfterALongTimeMayBeAGap) {
  options_.clock = &clock_;
  options_.shortest_retention = milliseconds(5'000);
  OpenLog();
  Add("a");
  primary_->Write("a", 1, "v");
  SeeNow();
  EXPECT_THAT(Poll(), SizeIs(1));
  clock_.Advance(milliseconds(5'000));
  primary_->Expire("a", 1);
  primary_->Write("a", 3, "v");
  SeeNow();
  EXPECT_THAT(Poll(), ElementsAre(HasSubstr("position expired")));
}

TEST_F(RocksmqLogTest, ATailThatIsMissingForAMomentIsWaitedFor) {
  OpenLog();
  Add("a");
  primary_->Write("a", 1, "v");
  primary_->Write("a", 2, "v");
  EXPECT_THAT(Poll(1 << 20, kPatience), SizeIs(2));
  primary_->Lose("a", 2);
  EXPECT_THAT(Poll(1 << 20, kPatience), ElementsAre(HasSubstr("a: UNAVAILABLE")));
  primary_->Write("a", 2, "v");
  primary_->Write("a", 3, "v");
  EXPECT_THAT(Poll(1 << 20, kPatience), ElementsAre("a/3=v"));
}

TEST_F(RocksmqLogTest, ChecksPositions) {
  for (int64_t id = 1; id <= 9; ++id) {
    primary_->Write("a", id == 7 ? 70 : id * 2, "v");  // 2 4 6 … 12 16 18 70
  }
  primary_->Expire("a", 4);
  OpenLog();
  EXPECT_TRUE(log_->CheckPosition("a", At(6)).ok());
  EXPECT_TRUE(log_->CheckPosition("a", After(6)).ok());
  EXPECT_TRUE(log_->CheckPosition("a", After(70)).ok());
  EXPECT_TRUE(log_->CheckPosition("a", At(70)).ok());

  Status status = log_->CheckPosition("a", At(4));
  EXPECT_EQ(status.code(), StatusCode::kOutOfRange);
  EXPECT_EQ(status.message(), "position expired: channel a: " + std::to_string(kBase + 4) + " < " +
                                  std::to_string(kBase + 6));
  EXPECT_EQ(log_->CheckPosition("a", After(4)).code(), StatusCode::kOutOfRange);

  for (const int64_t id : {7, 71}) {
    status = log_->CheckPosition("a", At(id));
    EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
    EXPECT_THAT(status.message(), HasSubstr("the store of the same Milvus"));
  }
  EXPECT_EQ(log_->CheckPosition("none", At(6)).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(log_->CheckPosition("a", {{"short"}, true}).code(), StatusCode::kInvalidArgument);
}

TEST_F(RocksmqLogTest, ABadStartIsToldByPoll) {
  primary_->Write("a", 5, "v");
  primary_->Expire("a", 5);
  primary_->Write("a", 6, "v");
  OpenLog();
  Add("a", At(5));
  EXPECT_THAT(Poll(), ElementsAre(HasSubstr("a: OUT_OF_RANGE: position expired: channel a")));
  EXPECT_EQ(reader_->Add("b", LogPosition{{"short"}, true}).code(), StatusCode::kInvalidArgument);
}

TEST_F(RocksmqLogTest, LatestSeesWhatWasWrittenBefore) {
  OpenLog();
  for (int64_t id = 1; id <= 5; ++id) {
    primary_->Write("a", id, "v");
    EXPECT_EQ(*log_->Latest("a"), EncodeRocksmqId(kBase + id));
  }
}

TEST_F(RocksmqLogTest, ForeignKeysAreDataLoss) {
  primary_->WriteKey("a/notanumber", "v");
  primary_->Write("b", 1, "v");
  primary_->WriteKey("c/10", "v");
  primary_->WriteKey("c/9", "v");
  OpenLog();
  Add("a");
  Add("b");
  Add("c");
  EXPECT_THAT(Poll(), ElementsAre("b/1=v", "c/" + std::to_string(10 - kBase) + "=v",
                                  HasSubstr("a: DATA_LOSS"), HasSubstr("c: DATA_LOSS")));
}

TEST_F(RocksmqLogTest, OrderAndTextOfIds) {
  OpenLog();
  const MsgId small = EncodeRocksmqId(255);
  const MsgId large = EncodeRocksmqId(256);
  EXPECT_EQ(log_->Compare(small, large), std::strong_ordering::less);
  EXPECT_EQ(log_->Compare(large, small), std::strong_ordering::greater);
  EXPECT_EQ(log_->Compare(large, large), std::strong_ordering::equal);
  EXPECT_EQ(log_->FormatId(large), "256");
  EXPECT_THAT(log_->FormatId({"x"}), HasSubstr("8 bytes"));
}

TEST_F(RocksmqLogTest, AMissingStoreIsNotFoundAndNamesTheSetting) {
  options_.path = (folder_ / "nothing").string();
  Status status = OpenRocksmqLog(options_).status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_EQ(status.message(),
            "sourceConfig.rocksmq.path: there is no such folder: " + options_.path);
  options_.path = folder_.string();
  status = OpenRocksmqLog(options_).status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("holds no RocksMQ store"));
}

TEST_F(RocksmqLogTest, WritesNothingIntoTheStoreAndCleansUp) {
  options_.secondary_dir = (folder_ / "own").string();
  const auto files = [this] {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_ / "rdb")) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  };
  const auto before = files();
  OpenLog();
  Add("a");
  EXPECT_THAT(Poll(), IsEmpty());
  EXPECT_EQ(files(), before);
  EXPECT_FALSE(fs::is_empty(folder_ / "own"));
}

TEST_F(RocksmqLogTest, PollReturnsWhenItIsAskedToStop) {
  OpenLog();
  Add("a");
  std::stop_source source;
  source.request_stop();
  std::vector<LogBatch> batches;
  EXPECT_TRUE(reader_->Poll(1, milliseconds(60'000), source.get_token(), &batches).ok());
  EXPECT_THAT(batches, IsEmpty());
}

// Readers in their own threads while the primary writes, flushes and expires records.
TEST_F(RocksmqLogTest, ManyReadersSeeEverythingOnce) {
  constexpr int64_t kRecords = 400;
  OpenLog();
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([this, &good] {
        auto reader = log_->NewReader();
        bool ok = reader.ok() && (*reader)->Add("a", std::nullopt).ok();
        int64_t expected = 1;
        for (int polls = 0; ok && expected <= kRecords && polls < 5000; ++polls) {
          std::vector<LogBatch> batches;
          ok = (*reader)->Poll(1 << 20, milliseconds(2), {}, &batches).ok();
          for (const LogBatch& batch : batches) {
            ok = ok && batch.status.ok();
            for (const LogRecord& record : batch.records) {
              ok = ok && *DecodeRocksmqId(record.id) == kBase + expected++;
            }
          }
        }
        good += ok && expected == kRecords + 1 ? 1 : 0;
      });
    }
    threads.emplace_back([this] {
      for (int64_t id = 1; id <= kRecords; ++id) {
        primary_->Write("a", id, "v");
        if (id % 100 == 0) {
          primary_->Flush();
        }
        EXPECT_TRUE(log_->Latest("a").ok());
      }
    });
  }
  EXPECT_EQ(good, 3);
}

}  // namespace
}  // namespace cdc
