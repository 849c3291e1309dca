#include "source/snapshot/snapshot_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "msg.pb.h"
#include "source/snapshot/testing/log_file_writer.h"
#include "source/snapshot/testing/memory_storage.h"

namespace cdc {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Le;

const std::stop_token kNever;
constexpr CollectionId kOwner{1};
constexpr PartitionId kPartition{2};
constexpr Timestamp kSnapshotCut{100};

struct Row {
  int64_t key = 0;
  uint64_t time = 0;
  std::string text{};
};

// A storage with segments of two columns: "id" (the key) and "text".
class SnapshotReaderTest : public testing::Test {
 protected:
  SnapshotReaderTest() {
    plan_.collection = kOwner;
    plan_.partitions = {{kPartition, "_default"}, {PartitionId{3}, "other"}};
    plan_.columns = {
        {.id = FieldId{100}, .name = "id", .type = DataType::kInt64, .is_primary_key = true},
        {.id = FieldId{101}, .name = "text", .type = DataType::kVarChar}};
    plan_.channels.push_back(
        {.vchannel = "v0", .takeover = {.position = MsgId{"x"}, .time = kSnapshotCut}});
  }

  // Adds a segment with one set of files for each of `sets`.
  Segment& AddSegment(int64_t id,
                      const std::vector<std::vector<Row>>& sets,
                      PartitionId partition = kPartition) {
    Segment segment{.id = SegmentId{id}, .partition = partition, .vchannel = "v0"};
    int64_t log = id * 100;
    for (const std::vector<Row>& rows : sets) {
      ColumnChunk ids;
      ColumnChunk times;
      std::vector<std::string> texts;
      for (const Row& row : rows) {
        ids.ints.push_back(row.key);
        times.ints.push_back(static_cast<int64_t>(row.time));
        texts.push_back(row.text);
      }
      Write({.id = kRowIdField, .type = DataType::kInt64}, ids, ++log, &segment);
      Write({.id = kTimestampField, .type = DataType::kInt64}, times, ++log, &segment);
      Write(plan_.columns[0], ids, ++log, &segment);
      Write(plan_.columns[1], BytesColumn(texts), ++log, &segment);
    }
    ChannelSnapshot& channel = plan_.channels.front();
    channel.deletes.push_back(segment);
    return channel.segments.emplace_back(segment);
  }

  void Write(const Field& field, const ColumnChunk& values, int64_t log, Segment* segment) {
    const RowPlace place{
        .collection = kOwner, .partition = segment->partition, .segment = segment->id};
    const auto rows = static_cast<int64_t>(std::max(values.ints.size(), values.ends.size()));
    segment->insert_logs[field.id].push_back({.id = log, .rows = rows});
    storage_.files[InsertLogPath(kOwner, *segment, field.id, log)] =
        WriteInsertLog(place, field, values);
  }

  void AddDelete(const Segment& segment, int64_t key, uint64_t time) {
    const std::string entry =
        "{\"pk\":" + std::to_string(key) + ",\"ts\":" + std::to_string(time) + ",\"pkType\":5}";
    const std::string path =
        DeleteLogFolder(kOwner, segment) + "/" + std::to_string(storage_.files.size());
    storage_.files[path] = WriteDeleteLog(kOwner, segment.partition, {entry});
  }

  // "key:text" of all rows, in order. Stops at an error, which is in `status_`.
  std::vector<std::string> ReadAll(RecordLimits limits = {}) {
    DeletedKeysCache deletes(&storage_, kOwner);
    std::vector<std::string> rows;
    records_.clear();
    status_ = OkStatus();
    for (const ChannelPart& part : PartsOf(Channel())) {
      SnapshotReader reader(&storage_, &plan_, &Channel(), part, &deletes, limits);
      while (true) {
        auto record = reader.Next(kNever);
        status_ = record.status();
        if (!record.ok()) {
          return rows;
        }
        if (!record->has_value()) {
          break;
        }
        milvus::proto::msg::InsertRequest& request = records_.emplace_back();
        EXPECT_TRUE(request.ParseFromString(std::string((*record)->payload.bytes)));
        EXPECT_EQ(request.num_rows(), (*record)->rows);
        EXPECT_EQ(request.segmentid(), Channel().segments[part.segment].id.value);
        for (int i = 0; i < static_cast<int>(request.num_rows()); ++i) {
          rows.push_back(std::to_string(request.fields_data(0).scalars().long_data().data(i)) +
                         ":" + request.fields_data(1).scalars().string_data().data(i));
        }
      }
    }
    return rows;
  }

  const ChannelSnapshot& Channel() const { return plan_.channels.front(); }

  std::string& File(FieldId field, size_t set = 0) {
    const Segment& segment = plan_.channels.front().segments.front();
    return storage_.files.at(
        InsertLogPath(kOwner, segment, field, segment.insert_logs.at(field)[set].id));
  }

  MemoryStorage storage_;
  SnapshotPlan plan_;
  std::vector<milvus::proto::msg::InsertRequest> records_;
  Status status_;
};

TEST_F(SnapshotReaderTest, ReadsSetsAndSegmentsInOrder) {
  AddSegment(10, {{{1, 50, "a"}, {2, 50, "b"}}, {{3, 60, "c"}}});
  AddSegment(11, {{{4, 50, "d"}}}, PartitionId{3});
  EXPECT_THAT(ReadAll(), ElementsAre("1:a", "2:b", "3:c", "4:d"));
  EXPECT_EQ(status_, OkStatus());
  EXPECT_EQ(records_.front().partition_name(), "_default");
  EXPECT_EQ(records_.back().partition_name(), "other");
  EXPECT_EQ(records_.back().shardname(), "v0");
}

TEST_F(SnapshotReaderTest, WithoutSegmentsThereIsNothing) {
  EXPECT_THAT(ReadAll(), IsEmpty());
  EXPECT_EQ(status_, OkStatus());
}

TEST_F(SnapshotReaderTest, RowsAboveTheCutAreForTheLog) {
  AddSegment(10, {{{1, 99, ""}, {2, 100, ""}, {3, 101, ""}}});
  EXPECT_THAT(ReadAll(), ElementsAre("1:", "2:"));
}

TEST_F(SnapshotReaderTest, RowsBeyondTheirTtlAreLeftOut) {
  AddSegment(10, {{{1, 49, ""}, {2, 50, ""}}});
  plan_.channels.front().oldest = Timestamp{50};
  EXPECT_THAT(ReadAll(), ElementsAre("2:"));
}

TEST_F(SnapshotReaderTest, DeletedRowsAreLeftOut) {
  const Segment segment = AddSegment(10, {{{1, 50, "old"}, {2, 50, ""}, {1, 70, "new"}}});
  AddDelete(segment, 1, 70);   // of an upsert
  AddDelete(segment, 2, 101);  // for the log
  EXPECT_THAT(ReadAll(), ElementsAre("2:", "1:new"));
}

TEST_F(SnapshotReaderTest, DeletesOfOneSegmentHoldForItsPartition) {
  const Segment first = AddSegment(10, {{{1, 50, ""}}});
  AddSegment(11, {{{1, 50, ""}, {2, 50, ""}}});
  AddSegment(12, {{{1, 50, "other"}, {2, 50, "other"}}}, PartitionId{3});
  AddDelete(first, 1, 60);
  Segment everywhere{.id = SegmentId{13}, .partition = kAllPartitions};
  plan_.channels.front().deletes.push_back(everywhere);
  AddDelete(everywhere, 2, 60);
  EXPECT_THAT(ReadAll(), ElementsAre("1:other"));
}

TEST_F(SnapshotReaderTest, RecordsAreBounded) {
  std::vector<Row> rows;
  std::vector<std::string> expected;
  for (int64_t key = 0; key < 3000; ++key) {
    // Small ones, then large ones: the reader cannot know.
    rows.push_back({key, 50, std::string(key < 1000 ? 1 : 1000, 'x')});
    expected.push_back(std::to_string(key) + ":" + rows.back().text);
  }
  rows[2000].text = std::string(50'000, 'y');
  expected[2000] = "2000:" + rows[2000].text;
  AddSegment(10, {rows});
  EXPECT_THAT(ReadAll({.rows = 200, .bytes = 20'000}), ElementsAreArray(expected));
  for (const auto& record : records_) {
    EXPECT_LE(record.num_rows(), 200U);
    EXPECT_TRUE(record.num_rows() == 1 || record.ByteSizeLong() <= 20'000 + 200);
  }
}

TEST_F(SnapshotReaderTest, AVanishedFileIsNotFound) {
  AddSegment(10, {{{1, 50, ""}}});
  storage_.files.erase("insert_log/1/2/10/101/1004");
  EXPECT_THAT(ReadAll(), IsEmpty());
  EXPECT_EQ(status_, NotFoundError("cannot open insert_log/1/2/10/101/1004"));
}

// Whatever is damaged, the error names the file, and no row of its set is delivered.
TEST_F(SnapshotReaderTest, NoRowOfADamagedSetIsDelivered) {
  const auto damage = [this](FieldId field, const std::string& bytes) {
    AddSegment(10, {{{1, 50, "a"}}, {{2, 50, "b"}}});
    File(field, 1) = bytes;
    EXPECT_THAT(ReadAll(), ElementsAre("1:a"));
    EXPECT_THAT(status_.message(), HasSubstr("insert_log/1/2/10/" + std::to_string(field.value)));
    plan_.channels.front().segments.clear();
    return status_.code();
  };
  const Field text = plan_.columns[1];
  const RowPlace place{.collection = kOwner, .partition = kPartition, .segment = SegmentId{10}};
  const std::string good = WriteInsertLog(place, text, BytesColumn({"b"}));
  EXPECT_EQ(damage(text.id, ""), StatusCode::kDataLoss);
  EXPECT_EQ(damage(text.id, good.substr(0, good.size() - 1)), StatusCode::kDataLoss);
  EXPECT_EQ(damage(text.id, WriteInsertLog(place, text, BytesColumn({"b", "c"}))),
            StatusCode::kDataLoss);
  EXPECT_EQ(damage(text.id, WriteInsertLog({.collection = kOwner}, text, BytesColumn({"b"}))),
            StatusCode::kDataLoss);
  Field number = text;
  number.type = DataType::kInt64;
  EXPECT_EQ(damage(text.id, WriteInsertLog(place, number, {.ints = {1}})), StatusCode::kDataLoss);
  EXPECT_EQ(damage(kTimestampField, good), StatusCode::kDataLoss);
  std::string flipped = good;
  flipped[good.find("PAR1") + 40] ^= 1;
  EXPECT_EQ(damage(text.id, flipped), StatusCode::kDataLoss);
}

TEST_F(SnapshotReaderTest, StopsWhenAsked) {
  AddSegment(10, {{{1, 50, ""}}});
  std::stop_source stop;
  stop.request_stop();
  DeletedKeysCache deletes(&storage_, kOwner);
  SnapshotReader reader(&storage_, &plan_, &Channel(), PartsOf(Channel()).front(), &deletes);
  EXPECT_EQ(reader.Next(stop.get_token()).status().code(), StatusCode::kCancelled);
}

}  // namespace
}  // namespace cdc
