#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/testing/fake_clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "source/storage/storage.h"
#include "source/testing/log_contract.h"
#include "source/woodpecker/testing/woodpecker_2_6_8_objects.h"
#include "source/woodpecker/testing/woodpecker_writer.h"
#include "source/woodpecker/woodpecker_cursor.h"
#include "source/woodpecker/woodpecker_id.h"
#include "source/woodpecker/woodpecker_log.h"

namespace cdc {
namespace {

namespace fs = std::filesystem;
namespace recorded = woodpecker_2_6_8;
using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using State = WoodpeckerSegmentMeta::State;

std::string Unhex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    uint8_t byte = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

// A storage in which something happens after a call.
class EventfulStorage final : public Storage {
 public:
  EventfulStorage(Storage* storage, std::function<void(const std::string& path)> opened)
      : storage_(storage), opened_(std::move(opened)) {}

  Result<std::unique_ptr<StorageFile>> Open(const std::string& path) override {
    auto file = storage_->Open(path);
    opened_(path);
    return file;
  }
  Result<std::vector<std::string>> List(const std::string& folder) override {
    return storage_->List(folder);
  }
  std::unique_ptr<Storage> Until(std::stop_token /*stop*/) override {
    return std::make_unique<EventfulStorage>(storage_, opened_);
  }

 private:
  Storage* const storage_;
  const std::function<void(const std::string& path)> opened_;
};

// Objects are files of a folder here: the reader knows only a Storage.
class WoodpeckerObjectTest : public ::testing::Test {
 protected:
  WoodpeckerObjectTest() {
    std::string pattern = ::testing::TempDir() + "/cdc-woodpecker-objects-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    storage_ = *OpenLocalStorage(root_.string());
    meta_.SetLog("c", {.number = 1, .truncated = {.segment = -1, .entry = -1}});
  }
  ~WoodpeckerObjectTest() override { fs::remove_all(root_); }

  fs::path PathOf(std::string_view name) const { return root_ / "1" / "0" / name; }

  void Put(const recorded::Object& object) {
    fs::create_directories(root_ / "1" / "0");
    std::ofstream(PathOf(object.name), std::ios::binary) << Unhex(object.hex);
  }
  template <class Objects>
  void PutAll(const Objects& objects) {
    for (const recorded::Object& each : objects) {
      Put(each);
    }
  }
  void Delete(std::string_view name) { fs::remove(PathOf(name)); }
  void Clear() { fs::remove_all(root_ / "1"); }
  void Damage(std::string_view name) {
    std::fstream stream(PathOf(name), std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(-1, std::ios::end);
    const auto byte = static_cast<char>(stream.get() ^ 1);
    stream.seekp(-1, std::ios::end);
    stream.put(byte);
  }

  void SetMeta(std::string_view hex) {
    meta_.SetSegment("c", *ReadWoodpeckerSegmentMeta(Unhex(hex)));
  }
  // A segment behind it, with one entry.
  void AddNext() {
    meta_.SetSegment("c", {.number = 1});
    fs::create_directories(root_ / "1" / "1");
    std::ofstream(root_ / "1" / "1" / "0.blk", std::ios::binary) << Unhex(recorded::kBlocks[0].hex);
  }

  std::unique_ptr<WoodpeckerCursor> CursorAt(int64_t entry) {
    return std::make_unique<WoodpeckerCursor>(&meta_, storage_.get(), options_, "c",
                                              WoodpeckerId{.segment = 0, .entry = entry});
  }

  // All that can be read now, as "segment/entry"; `most` looks at most.
  std::vector<std::string> ReadAll(WoodpeckerCursor& cursor, size_t most = 1000) {
    std::vector<std::string> ids;
    for (int idle = 0; idle < 2 && most > 0; --most) {
      const auto records = cursor.Next({});
      EXPECT_TRUE(records.ok()) << records.status().ToString();
      if (!records.ok()) {
        break;
      }
      for (const LogRecord& record : *records) {
        ids.push_back(DecodeWoodpeckerId(record.id)->ToString());
        EXPECT_FALSE(record.wal->time_tick.empty());
      }
      idle = records->empty() ? idle + 1 : 0;
      clock_.Advance(milliseconds(records->empty() ? 250 : 0));  // ask the metadata again
    }
    return ids;
  }

  std::string ErrorOf(WoodpeckerCursor& cursor) {
    for (int i = 0; i < 20; ++i) {
      const auto records = cursor.Next({});
      if (!records.ok()) {
        return records.status().ToString();
      }
      clock_.Advance(milliseconds(250));
    }
    return "";
  }

  static std::vector<std::string> Ids(int64_t from, int64_t end) {
    std::vector<std::string> ids;
    for (; from < end; ++from) {
      ids.push_back("0/" + std::to_string(from));
    }
    return ids;
  }

  std::optional<std::string> Latest() {
    auto meta = std::make_unique<FakeWoodpeckerMeta>();
    meta->SetLog("c", **meta_.FindLog("c", {}));
    const auto segments = meta_.ListSegments("c", {});
    for (const WoodpeckerSegmentMeta& segment : *segments) {
      meta->SetSegment("c", segment);
    }
    const auto log = NewWoodpeckerLog(std::move(meta), *OpenLocalStorage(root_.string()), options_);
    const auto latest = log->Latest("c");
    EXPECT_TRUE(latest.ok()) << latest.status().ToString();
    return *latest ? std::optional(log->FormatId(**latest)) : std::nullopt;
  }

  fs::path root_;
  FakeClock clock_;
  FakeWoodpeckerMeta meta_;
  std::unique_ptr<Storage> storage_;
  const WoodpeckerOptions options_{.objects = true, .clock = &clock_};
};

TEST_F(WoodpeckerObjectTest, ReadsWhatMilvusLibraryWrote) {
  AddNext();
  for (const bool merged : {false, true}) {
    Clear();
    AddNext();
    if (merged) {
      PutAll(recorded::kMerged);
    } else {
      PutAll(recorded::kBlocks);
    }
    SetMeta(merged ? recorded::kMergedMeta : recorded::kBlocksMeta);
    for (int64_t from = 0; from <= 5; ++from) {
      const auto cursor = CursorAt(from);
      std::vector<std::string> expected = Ids(from, 5);
      expected.push_back("1/0");
      EXPECT_EQ(ReadAll(*cursor), expected) << merged << " " << from;
    }
    meta_.RemoveSegment("c", 1);
    EXPECT_EQ(Latest(), "0/4");
  }
}

// One entry after the other, and whatever the merge is at then: its objects appear, the index is
// replaced, the blocks vanish in any order, etcd says so.
TEST_F(WoodpeckerObjectTest, LosesAndRepeatsNothingWhenBlocksAreMergedMeanwhile) {
  const size_t steps = recorded::kMerged.size() + 5;
  for (size_t read = 0; read <= 5; ++read) {
    for (size_t begun = 0; begun <= steps; ++begun) {  // steps that were done by then
      for (const bool backwards : {false, true}) {
        for (const bool knew : {false, true}) {  // that the segment is closed
          Clear();
          AddNext();
          PutAll(recorded::kBlocks);
          if (!knew) {
            Delete("footer.blk");
          }
          SetMeta(knew ? recorded::kBlocksMeta : recorded::kOpenBlocksMeta);
          const auto step = [&](size_t i) {
            if (i < recorded::kMerged.size()) {
              Put(recorded::kMerged.at(i));
              return;
            }
            const size_t block = i - recorded::kMerged.size();
            Delete(std::to_string(backwards ? 4 - block : block) + ".blk");
          };
          const auto cursor = CursorAt(0);
          std::vector<std::string> ids = ReadAll(*cursor, read);
          Put(recorded::kBlocks.back());
          for (size_t i = 0; i < begun; ++i) {
            step(i);
          }
          if (begun > 0 || knew) {
            SetMeta(recorded::kBlocksMeta);
          }
          for (const std::string& id : ReadAll(*cursor, 1)) {
            ids.push_back(id);
          }
          for (size_t i = begun; i < steps; ++i) {
            step(i);
          }
          SetMeta(recorded::kMergedMeta);
          for (const std::string& id : ReadAll(*cursor)) {
            ids.push_back(id);
          }
          std::vector<std::string> expected = Ids(0, 5);
          expected.push_back("1/0");
          ASSERT_EQ(ids, expected) << read << " " << begun << " " << backwards << " " << knew;
        }
      }
    }
  }
}

TEST_F(WoodpeckerObjectTest, AMergeRightAfterTheIndexWasMissedLosesNothing) {
  AddNext();
  PutAll(recorded::kBlocks);
  Delete("footer.blk");
  SetMeta(recorded::kBlocksMeta);
  bool merged = false;
  EventfulStorage storage(storage_.get(), [&](const std::string& path) {
    if (!merged && path == "1/0/footer.blk") {
      merged = true;
      PutAll(recorded::kMerged);
      for (int block = 0; block < 5; ++block) {
        Delete(std::to_string(block) + ".blk");
      }
    }
  });
  for (const int64_t from : {0, 2}) {
    merged = false;
    WoodpeckerCursor cursor(&meta_, &storage, options_, "c",
                            WoodpeckerId{.segment = 0, .entry = from});
    std::vector<std::string> expected = Ids(from, 5);
    expected.push_back("1/0");
    EXPECT_EQ(ReadAll(cursor), expected);
    EXPECT_TRUE(merged);
    PutAll(recorded::kBlocks);
    Delete("footer.blk");
    for (const char* name : {"m_0.blk", "m_1.blk", "m_2.blk"}) {
      Delete(name);
    }
  }
}

TEST_F(WoodpeckerObjectTest, ReadsAnOpenSegmentUpToAGapAndGoesOnWhenItIsRecovered) {
  SetMeta(recorded::kOpenBlocksMeta);
  const auto early = CursorAt(0);
  EXPECT_THAT(ReadAll(*early), IsEmpty());
  EXPECT_EQ(Latest(), std::nullopt);
  PutAll(recorded::kOpenBlocks);
  EXPECT_EQ(Latest(), "0/12");
  for (int64_t from = 1; from <= 13; ++from) {
    EXPECT_EQ(ReadAll(*CursorAt(from)), Ids(from, 13));
  }
  EXPECT_EQ(ReadAll(*early), Ids(0, 13));
  Put(recorded::kFenced[0]);
  EXPECT_THAT(ReadAll(*early), IsEmpty());
  EXPECT_THAT(ReadAll(*CursorAt(13)), IsEmpty());
  Put(recorded::kFenced[1]);
  EXPECT_EQ(Latest(), "0/12");
  SetMeta(recorded::kFencedMeta);
  EXPECT_EQ((**meta_.FindSegment("c", 0, {})).last_entry, 12);
  EXPECT_THAT(ReadAll(*early), IsEmpty());
  AddNext();
  EXPECT_THAT(ReadAll(*early), ElementsAre("1/0"));
  EXPECT_THAT(ReadAll(*CursorAt(12)), ElementsAre("0/12", "1/0"));
  EXPECT_THAT(ReadAll(*CursorAt(13)), ElementsAre("1/0"));
}

TEST_F(WoodpeckerObjectTest, WithoutAnIndexTheMetadataSaysWhereItEnds) {
  AddNext();
  PutAll(recorded::kBlocks);
  Delete("footer.blk");
  SetMeta(recorded::kBlocksMeta);
  EXPECT_THAT(ReadAll(*CursorAt(3)), ElementsAre("0/3", "0/4", "1/0"));
  Delete("4.blk");
  EXPECT_THAT(ErrorOf(*CursorAt(4)),
              HasSubstr("DATA_LOSS: channel c: the entries 4 to 4 of segment 0 are missing"));
  meta_.SetSegment("c", {.number = 0, .state = State::kCompleted, .last_entry = 3});
  EXPECT_THAT(ReadAll(*CursorAt(4)), ElementsAre("1/0"));
}

TEST_F(WoodpeckerObjectTest, MissingObjectsAreNoticed) {
  PutAll(recorded::kMerged);
  SetMeta(recorded::kMergedMeta);
  Delete("m_1.blk");
  const auto cursor = CursorAt(0);
  EXPECT_THAT(ReadAll(*cursor, 1), ElementsAre("0/0", "0/1"));
  EXPECT_THAT(ErrorOf(*cursor), HasSubstr("DATA_LOSS: channel c: the entries 2 to 4 of segment 0"));
  SetMeta(recorded::kMergedTruncatedMeta);
  EXPECT_THAT(ErrorOf(*cursor), HasSubstr("OUT_OF_RANGE: position expired: channel c: 0/2"));
  Clear();
  EXPECT_THAT(ErrorOf(*CursorAt(0)), HasSubstr("OUT_OF_RANGE: position expired: channel c: 0/0"));
  SetMeta(recorded::kMergedMeta);
  EXPECT_THAT(ErrorOf(*CursorAt(0)),
              AllOf(HasSubstr("FAILED_PRECONDITION"), HasSubstr("sourceConfig.woodpecker")));
}

TEST_F(WoodpeckerObjectTest, DamageIsNoticed) {
  PutAll(recorded::kBlocks);
  SetMeta(recorded::kBlocksMeta);
  Damage("1.blk");
  EXPECT_THAT(ErrorOf(*CursorAt(1)),
              AllOf(HasSubstr("DATA_LOSS"), HasSubstr("object 1/0/1.blk"), HasSubstr("checksum")));
  Damage("footer.blk");
  EXPECT_THAT(ErrorOf(*CursorAt(1)), AllOf(HasSubstr("DATA_LOSS"), HasSubstr("1/0/footer.blk")));
  Delete("footer.blk");
  meta_.SetSegment("c", {.number = 0});
  EXPECT_THAT(ErrorOf(*CursorAt(0)),
              AllOf(HasSubstr("UNAVAILABLE"), HasSubstr("object 1/0/1.blk of an open segment")));
}

TEST_F(WoodpeckerObjectTest, FulfillsTheContract) {
  auto owned = std::make_unique<FakeWoodpeckerMeta>();
  FakeWoodpeckerMeta* const meta = owned.get();
  const auto log = NewWoodpeckerLog(std::move(owned), *OpenLocalStorage(root_.string()),
                                    {.poll_min = milliseconds(1),
                                     .poll_max = milliseconds(2),
                                     .meta_interval = milliseconds(1),
                                     .objects = true});
  std::map<std::string, std::unique_ptr<WoodpeckerWriter>> writers;
  LogContract contract;
  contract.log = log.get();
  contract.prefix = "contract";
  contract.write = [&](const std::string& channel, const std::vector<std::string>& values) {
    auto& writer = writers[channel];
    if (writer == nullptr) {
      const auto number = static_cast<int64_t>(writers.size());
      writer = std::make_unique<WoodpeckerWriter>(root_, meta, channel, number, true);
    } else {  // each time in another segment
      writer->Finish();
      writer->Close();
      writer->Roll();
    }
    writer->Write(values);
  };
  contract.Run();
}

}  // namespace
}  // namespace cdc
