#include "source/woodpecker/woodpecker_log.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/testing/eventually.h"
#include "base/testing/fake_clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "source/testing/log_contract.h"
#include "source/woodpecker/testing/woodpecker_2_6_8.h"
#include "source/woodpecker/testing/woodpecker_writer.h"
#include "source/woodpecker/woodpecker_cursor.h"
#include "source/woodpecker/woodpecker_id.h"
#include "source/woodpecker/woodpecker_record.h"

namespace cdc {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

class WoodpeckerLogTest : public ::testing::Test {
 protected:
  WoodpeckerLogTest() {
    std::string pattern = ::testing::TempDir() + "/cdc-woodpecker-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    auto meta = std::make_unique<FakeWoodpeckerMeta>();
    meta_ = meta.get();
    log_ = NewWoodpeckerLog(std::move(meta), *OpenLocalStorage(root_.string()),
                            {.poll_min = milliseconds(1),
                             .poll_max = milliseconds(2),
                             .meta_interval = milliseconds(1)});
    reader_ = *log_->NewReader();
  }
  ~WoodpeckerLogTest() override {
    reader_.reset();
    log_.reset();
    fs::remove_all(root_);
  }

  WoodpeckerWriter NewWriter(const std::string& log = "c", int64_t number = 1) {
    return {root_, meta_, log, number};
  }

  void Add(std::optional<WoodpeckerId> start = std::nullopt) {
    const Status status = reader_->Add(
        "c", start ? std::optional(LogPosition{EncodeWoodpeckerId(*start), true}) : std::nullopt);
    ASSERT_TRUE(status.ok()) << status.ToString();
  }

  // The next `count` records as "segment/entry=value"; the last error after them.
  std::vector<std::string> Read(size_t count) {
    std::vector<std::string> lines;
    EXPECT_TRUE(Eventually(
        [&] {
          Poll(&lines);
          return lines.size() >= count;
        },
        kSoon));
    Poll(&lines);
    return lines;
  }

  std::string ReadError() {
    std::vector<std::string> lines;
    EXPECT_TRUE(Eventually(
        [&] {
          Poll(&lines);
          return !error_.ok();
        },
        kSoon));
    return error_.ToString();
  }

  void Poll(std::vector<std::string>* lines) {
    std::vector<LogBatch> batches;
    EXPECT_TRUE(reader_->Poll(1 << 20, milliseconds(20), {}, &batches).ok());
    error_ = OkStatus();
    for (const LogBatch& batch : batches) {
      error_ = batch.status;
      for (const LogRecord& record : batch.records) {
        lines->push_back(log_->FormatId(record.id) + "=" + std::string(record.payload.bytes));
      }
    }
  }

  Status Check(int64_t segment, int64_t entry) {
    return log_->CheckPosition("c",
                               {EncodeWoodpeckerId({.segment = segment, .entry = entry}), true});
  }

  fs::path root_;
  FakeWoodpeckerMeta* meta_ = nullptr;
  std::unique_ptr<Log> log_;
  std::unique_ptr<LogReader> reader_;
  Status error_;
};

TEST(WoodpeckerIds, AreThoseOfMilvus) {
  // "CAEQAw==", as the library printed it for 1/3.
  EXPECT_EQ(EncodeWoodpeckerId({.segment = 1, .entry = 3}).bytes, "\x08\x01\x10\x03");
  EXPECT_EQ(*DecodeWoodpeckerId({"\x10\x03"}), (WoodpeckerId{.segment = 0, .entry = 3}));
  EXPECT_EQ(*DecodeWoodpeckerId({""}), WoodpeckerId());
  EXPECT_FALSE(EncodeWoodpeckerId({}).bytes.empty());
  EXPECT_EQ((WoodpeckerId{.segment = 3, .entry = 17}).ToString(), "3/17");
  for (const char* bytes : {"x", "\x0a\x01x", "\x18\x01"}) {
    EXPECT_EQ(DecodeWoodpeckerId({bytes}).status().code(), StatusCode::kInvalidArgument);
  }
}

TEST(WoodpeckerRecords, DamageIsFound) {
  const std::string file = FromHex(woodpecker_2_6_8::kClosed);
  std::string header = file.substr(0, kWoodpeckerFileHeader);
  EXPECT_TRUE(CheckWoodpeckerFileHeader(header).ok());
  for (char& byte : header) {
    byte = static_cast<char>(byte ^ 1);
    EXPECT_FALSE(CheckWoodpeckerFileHeader(header).ok());
    byte = static_cast<char>(byte ^ 1);
  }
  std::string_view cut = std::string_view(file).substr(0, kWoodpeckerFileHeader - 1);
  const auto taken = TakeWoodpeckerRecord(&cut);
  EXPECT_TRUE(taken.ok() && !*taken);
}

TEST_F(WoodpeckerLogTest, ReadsWhatMilvusLibraryWrote) {
  const auto write = [&](int64_t segment, std::string_view hex) {
    const fs::path folder = root_ / "2" / std::to_string(segment);
    fs::create_directories(folder);
    std::ofstream(folder / "data.log", std::ios::binary) << FromHex(hex);
  };
  write(1, woodpecker_2_6_8::kRecovered);
  write(2, woodpecker_2_6_8::kClosed);
  write(3, woodpecker_2_6_8::kOpen);
  const auto log = ReadWoodpeckerLogMeta(FromHex(woodpecker_2_6_8::kLogMeta));
  ASSERT_TRUE(log.ok());
  EXPECT_EQ(log->number, 2);
  EXPECT_EQ(log->truncated, (WoodpeckerId{.segment = 1, .entry = 2}));
  meta_->SetLog("c", *log);
  for (const std::string_view hex :
       {woodpecker_2_6_8::kRecoveredMeta, woodpecker_2_6_8::kClosedMeta}) {
    meta_->SetSegment("c", *ReadWoodpeckerSegmentMeta(FromHex(hex)));
  }
  // From another log, in which it was segment 1.
  auto open = *ReadWoodpeckerSegmentMeta(FromHex(woodpecker_2_6_8::kOpenMeta));
  EXPECT_EQ(open.number, 1);
  EXPECT_FALSE(open.closed());
  open.number = 3;
  meta_->SetSegment("c", open);

  EXPECT_EQ(log_->FormatId(**log_->Latest("c")), "3/6");
  EXPECT_EQ(Check(0, 5).code(), StatusCode::kOutOfRange);
  EXPECT_TRUE(Check(1, 0).ok());
  Add(WoodpeckerId{.segment = 1, .entry = 0});
  std::vector<std::string> ids;
  std::map<std::string, int> types;
  ASSERT_TRUE(Eventually([&] {
    std::vector<LogBatch> batches;
    EXPECT_TRUE(reader_->Poll(1 << 20, milliseconds(20), {}, &batches).ok());
    for (const LogBatch& batch : batches) {
      EXPECT_TRUE(batch.status.ok()) << batch.status.ToString();
      for (const LogRecord& record : batch.records) {
        ids.push_back(log_->FormatId(record.id));
        ++types[record.wal->type];
        EXPECT_FALSE(record.wal->time_tick.empty());
      }
    }
    return ids.size() >= 20;
  }));
  EXPECT_THAT(
      ids, ElementsAre("1/0", "1/1", "1/2", "1/3", "2/0", "2/1", "2/2", "2/3", "2/4", "2/5", "2/6",
                       "2/7", "2/8", "3/0", "3/1", "3/2", "3/3", "3/4", "3/5", "3/6"));
  EXPECT_GT(types["1"], 0);    // ticks
  EXPECT_GT(types["2"], 0);    // inserts
  EXPECT_GT(types["900"], 0);  // the begin of a transaction
}

TEST_F(WoodpeckerLogTest, LeavesOutWhatMilvusLibraryFoundCutOff) {
  WoodpeckerWriter writer = NewWriter();
  fs::create_directories(writer.folder(0));
  std::ofstream(writer.folder(0) / "data.log", std::ios::binary)
      << FromHex(woodpecker_2_6_8::kCutOff);
  const auto segment = *ReadWoodpeckerSegmentMeta(FromHex(woodpecker_2_6_8::kCutOffMeta));
  EXPECT_EQ(segment.last_entry, 11);
  writer.Roll();
  writer.Write({"next"});
  for (const int64_t counted : {int64_t{11}, int64_t{12}}) {  // with what was cut off, or without
    meta_->SetSegment("c", {.number = 0, .state = segment.state, .last_entry = counted});
    Add(WoodpeckerId{.segment = 0, .entry = 11});
    const std::vector<std::string> lines = Read(2);
    ASSERT_THAT(lines, ::testing::SizeIs(2));
    EXPECT_THAT(lines[0], ::testing::StartsWith("0/11="));
    EXPECT_EQ(lines[1], "1/0=next");
    EXPECT_TRUE(error_.ok()) << error_.ToString();
    reader_->Remove("c");
  }
}

TEST_F(WoodpeckerLogTest, FulfillsTheContract) {
  std::map<std::string, std::unique_ptr<WoodpeckerWriter>> writers;
  LogContract contract;
  contract.log = log_.get();
  contract.prefix = "contract";
  contract.write = [&](const std::string& channel, const std::vector<std::string>& values) {
    auto& writer = writers[channel];
    if (writer == nullptr) {
      const auto number = static_cast<int64_t>(writers.size());
      writer = std::make_unique<WoodpeckerWriter>(root_, meta_, channel, number);
    } else {  // each time in another segment
      writer->Finish();
      writer->Close();
      writer->Roll();
    }
    writer->Write(values);
  };
  contract.Run();
}

TEST_F(WoodpeckerLogTest, ABlockThatIsBeingWrittenIsNoError) {
  for (const size_t missing : {1U, 20U, 40U}) {
    WoodpeckerWriter writer = NewWriter();
    writer.Write({"a", "b"});
    Add();
    EXPECT_THAT(Read(2), ElementsAre("0/0=a", "0/1=b"));
    writer.WritePart({"c"}, missing);
    EXPECT_THAT(Read(0), IsEmpty());
    EXPECT_TRUE(error_.ok());
    EXPECT_EQ(log_->FormatId(**log_->Latest("c")), "0/1");
    // Another writer recovers the segment, and may count what was cut off.
    writer.Finish();
    writer.Close(missing == 1 ? 2 : 1);
    writer.Roll();
    writer.Write({"d"});
    EXPECT_THAT(Read(1), ElementsAre("1/0=d")) << missing;
    EXPECT_TRUE(error_.ok()) << error_.ToString();
    reader_->Remove("c");
    writer.DeleteFiles(0);
    writer.DeleteFiles(1);
    writer.DeleteMeta(1);
  }
}

TEST_F(WoodpeckerLogTest, ASegmentWithoutAnIndexEndsWhereTheMetadataSays) {
  WoodpeckerWriter writer = NewWriter();
  writer.Write({"a"});
  writer.Close();
  writer.Roll();
  writer.Close();  // an empty one, without a file
  writer.Roll();
  writer.Write({"b"});
  Add();
  EXPECT_THAT(Read(2), ElementsAre("0/0=a", "2/0=b"));
}

TEST_F(WoodpeckerLogTest, ADamagedBlockIsDataLoss) {
  WoodpeckerWriter writer = NewWriter();
  writer.Write({"a"});
  const int64_t second = writer.size();
  writer.Write({"b"});
  writer.Finish();
  writer.Close();
  writer.Damage(second + static_cast<int64_t>(kWoodpeckerBlockHeader) + 12);
  Add(WoodpeckerId{.segment = 0, .entry = 1});
  EXPECT_THAT(ReadError(),
              AllOf(HasSubstr("DATA_LOSS"), HasSubstr("checksum"), HasSubstr("1/0/data.log")));
}

TEST_F(WoodpeckerLogTest, ADamagedHeaderIsDataLoss) {
  WoodpeckerWriter writer = NewWriter();
  writer.Write({"a"});
  const int64_t second = writer.size();
  writer.Write({"b"});
  writer.Finish();
  writer.Close();
  writer.Damage(second + 12);
  Add(WoodpeckerId{.segment = 0, .entry = 1});
  EXPECT_THAT(ReadError(), AllOf(HasSubstr("DATA_LOSS"), HasSubstr("is damaged"),
                                 HasSubstr("start_from: snapshot")));
}

TEST_F(WoodpeckerLogTest, MissingEntriesAreDataLoss) {
  WoodpeckerWriter writer = NewWriter();
  writer.Write({"a"});
  writer.Close(3);
  Add(WoodpeckerId{.segment = 0, .entry = 1});
  EXPECT_THAT(ReadError(), HasSubstr("DATA_LOSS: channel c: the entries 1 to 3 of segment 0"));
}

// Only an index or the metadata says that the rest of a block was never acknowledged.
TEST_F(WoodpeckerLogTest, AClosedSegmentThatLacksItsEndIsDataLoss) {
  WoodpeckerWriter writer = NewWriter();
  writer.Write({"a"});
  writer.WritePart({"b"}, 5);
  writer.Close(1);
  writer.Roll();
  writer.Write({"c"});
  Add(WoodpeckerId{.segment = 0, .entry = 1});
  EXPECT_THAT(ReadError(), HasSubstr("DATA_LOSS: channel c: the entries 1 to 1 of segment 0"));
}

TEST_F(WoodpeckerLogTest, WhatTheMetadataDoesNotCountNeedNotBeThere) {
  WoodpeckerWriter writer = NewWriter();
  writer.Write({"a"});
  writer.WritePart({"cut off"}, 5);
  writer.Close(0);
  writer.Roll();
  writer.Write({"b"});
  const int64_t second = writer.size();
  writer.Write({"damaged"});
  writer.Damage(second + static_cast<int64_t>(kWoodpeckerBlockHeader) + 12);
  writer.Close(0);
  writer.Roll();
  Add();
  EXPECT_THAT(Read(2), ElementsAre("0/0=a", "1/0=b"));
  EXPECT_THAT(Read(0), IsEmpty());
  EXPECT_TRUE(error_.ok()) << error_.ToString();
  writer.Write({"c"});
  EXPECT_THAT(Read(1), ElementsAre("2/0=c"));
}

TEST_F(WoodpeckerLogTest, DamageInAnOpenSegmentMayBeRepaired) {
  WoodpeckerWriter writer = NewWriter();
  const int64_t place = static_cast<int64_t>(kWoodpeckerFileHeader + kWoodpeckerBlockHeader) + 12;
  writer.Write({"a"});
  writer.Write({"b"});
  writer.Damage(place);
  Add();
  EXPECT_THAT(ReadError(),
              AllOf(HasSubstr("UNAVAILABLE"), HasSubstr("checksum"), HasSubstr("1/0/data.log")));
  writer.Damage(place);
  EXPECT_THAT(Read(2), ElementsAre("0/0=a", "0/1=b"));
  reader_->Remove("c");
  writer.Damage(place);
  Add();
  EXPECT_THAT(ReadError(), HasSubstr("UNAVAILABLE"));
  writer.Close();
  EXPECT_TRUE(Eventually([&] { return ReadError().find("DATA_LOSS") != std::string::npos; }));
}

TEST_F(WoodpeckerLogTest, ALogThatDoesNotExistIsAskedForNowAndThen) {
  FakeClock clock;
  const std::unique_ptr<Storage> storage = *OpenLocalStorage(root_.string());
  WoodpeckerCursor cursor(meta_, storage.get(), {.clock = &clock}, "c", std::nullopt);
  for (int round = 1; round <= 3; ++round) {
    for (int i = 0; i < 5; ++i) {
      EXPECT_THAT(*cursor.Next({}), IsEmpty());
    }
    EXPECT_EQ(meta_->asked(), round);
    clock.Advance(milliseconds(250));
  }
  NewWriter().Write({"a"});
  EXPECT_THAT(*cursor.Next({}), ::testing::SizeIs(1));
}

TEST_F(WoodpeckerLogTest, ASegmentInAnUnknownStateIsNotLeft) {
  WoodpeckerWriter writer = NewWriter();
  writer.Write({"a"});
  meta_->SetSegment("c", {.number = 0, .state = static_cast<WoodpeckerSegmentMeta::State>(1)});
  meta_->SetSegment("c", {.number = 1});
  Add();
  EXPECT_THAT(Read(1), ElementsAre("0/0=a"));
  writer.Write({"b"});
  EXPECT_THAT(Read(1), ElementsAre("0/1=b"));
}

TEST_F(WoodpeckerLogTest, AnOlderSegmentThatIsStillThereDoesNotHideTheFirst) {
  WoodpeckerWriter writer = NewWriter();
  for (const char* value : {"a", "b", "c"}) {
    writer.Write({value});
    writer.Finish();
    writer.Close();
    writer.Roll();
  }
  writer.Write({"d"});
  writer.Truncate(1, 0);
  writer.DeleteFiles(1);
  writer.DeleteMeta(1);
  Add();
  EXPECT_THAT(Read(2), ElementsAre("2/0=c", "3/0=d"));
}

TEST_F(WoodpeckerLogTest, ATruncatedLogIsReadUntilItsFilesAreDeleted) {
  WoodpeckerWriter writer = NewWriter();
  for (int i = 0; i < 3; ++i) {
    writer.Write({std::to_string(i)});
    writer.Finish();
    writer.Close();
    writer.Roll();
  }
  writer.Write({"3"});
  writer.Truncate(2, 0);
  EXPECT_TRUE(Check(0, 0).ok());
  EXPECT_EQ(Check(4, 0).code(), StatusCode::kFailedPrecondition);
  writer.DeleteFiles(1);
  EXPECT_THAT(Check(0, 0).ToString(), HasSubstr("OUT_OF_RANGE: position expired: channel c: 0/0"));
  Add(WoodpeckerId{.segment = 0, .entry = 0});
  EXPECT_THAT(ReadError(), HasSubstr("OUT_OF_RANGE: position expired: channel c: 1/0"));
  reader_->Remove("c");
  writer.DeleteFiles(0);
  writer.DeleteMeta(0);
  writer.DeleteMeta(1);
  EXPECT_THAT(Check(1, 0).ToString(), HasSubstr("OUT_OF_RANGE: position expired: channel c: 1/0"));
  EXPECT_TRUE(Check(2, 0).ok());
  Add(WoodpeckerId{.segment = 1, .entry = 0});
  EXPECT_THAT(ReadError(), HasSubstr("OUT_OF_RANGE: position expired"));
  reader_->Remove("c");
  Add();  // from what was not truncated
  EXPECT_THAT(Read(1), ElementsAre("3/0=3"));
}

TEST_F(WoodpeckerLogTest, FilesOfAnotherMilvusAreNoticed) {
  WoodpeckerWriter writer = NewWriter();
  writer.Write({"a"});
  writer.Close();
  writer.DeleteFiles(0);
  Add();
  EXPECT_THAT(ReadError(),
              AllOf(HasSubstr("FAILED_PRECONDITION"), HasSubstr("sourceConfig.woodpecker")));
}

}  // namespace
}  // namespace cdc
