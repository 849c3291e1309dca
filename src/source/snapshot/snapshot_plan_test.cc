#include "source/snapshot/snapshot_plan.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Timestamp kCheckpoint{1000};

Collection MakeCollection() {
  Collection collection{.id = CollectionId{1},
                        .created = Timestamp{10},
                        .vchannels = {"v0", "v1"},
                        .pchannels = {"p0", "p1"}};
  collection.schema.fields = {
      {.id = FieldId{100}, .name = "id", .type = DataType::kInt64, .is_primary_key = true},
      {.id = FieldId{101}, .name = "text", .type = DataType::kVarChar}};
  collection.start_positions = {{"p0", MsgId{"s0"}}, {"p1", MsgId{"s1"}}};
  return collection;
}

// A flushed segment of channel v0 with files of these rows.
Segment MakeSegment(int64_t id, const std::vector<int64_t>& rows) {
  Segment segment{.id = SegmentId{id},
                  .partition = PartitionId{7},
                  .vchannel = "v0",
                  .state = SegmentState::kFlushed};
  for (const int64_t field : {0, 1, 100, 101}) {
    std::vector<LogFile>& files = segment.insert_logs[FieldId{field}];
    for (const int64_t count : rows) {
      files.push_back({.id = id * 1000 + field * 10 + static_cast<int64_t>(files.size()),
                       .rows = count,
                       .bytes = 10 * count,
                       .first = Timestamp{100},
                       .last = Timestamp{200}});
    }
  }
  for (const int64_t count : rows) {
    segment.rows += count;
  }
  return segment;
}

SegmentCatalog MakeCatalog(const std::vector<Segment>& segments) {
  SegmentCatalog catalog{.revision = 5, .collection = CollectionId{1}};
  for (const Segment& segment : segments) {
    catalog.segments[segment.id] = segment;
  }
  catalog.partitions = {{PartitionId{7}, "_default"}, {PartitionId{8}, "other"}};
  catalog.checkpoints = {{"v0", {.position = MsgId{"c0"}, .time = kCheckpoint}},
                         {"v1", {.position = MsgId{"c1"}, .time = kCheckpoint}}};
  return catalog;
}

std::vector<int64_t> Ids(const std::vector<Segment>& segments) {
  std::vector<int64_t> ids;
  for (const Segment& segment : segments) {
    ids.push_back(segment.id.value);
  }
  return ids;
}

// The segments of channel v0 whose rows are read.
std::vector<int64_t> Chosen(const std::vector<Segment>& segments) {
  const auto plan = PlanSnapshot(MakeCollection(), MakeCatalog(segments));
  EXPECT_TRUE(plan.ok()) << plan.status().ToString();
  return plan.ok() ? Ids(plan->channels[0].segments) : std::vector<int64_t>{-1};
}

std::string ErrorOf(const SegmentCatalog& catalog) {
  return PlanSnapshot(MakeCollection(), catalog).status().ToString();
}

TEST(SnapshotPlanTest, TakesOverAtTheCheckpointOfEachChannel) {
  Segment other = MakeSegment(4, {6});
  other.vchannel = "v1";
  const auto plan = PlanSnapshot(MakeCollection(), MakeCatalog({MakeSegment(3, {5, 2}), other}));
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_EQ(plan->revision, 5);
  EXPECT_EQ(plan->rows, 13);
  EXPECT_EQ(plan->bytes, 4 * 130);
  ASSERT_EQ(plan->channels.size(), 2U);
  EXPECT_EQ(plan->channels[0].vchannel, "v0");
  EXPECT_EQ(plan->channels[0].takeover, (LogPlace{MsgId{"c0"}, kCheckpoint}));
  EXPECT_THAT(Ids(plan->channels[0].segments), ElementsAre(3));
  EXPECT_EQ(plan->channels[1].takeover, (LogPlace{MsgId{"c1"}, kCheckpoint}));
  EXPECT_THAT(Ids(plan->channels[1].segments), ElementsAre(4));
}

TEST(SnapshotPlanTest, OnlyTheGivenPartitions) {
  Segment other = MakeSegment(4, {6});
  other.partition = {8};
  other.delete_logs = {{.id = 9}};
  const SegmentCatalog catalog = MakeCatalog({MakeSegment(3, {5, 2}), other});
  const auto plan = PlanSnapshot(MakeCollection(), catalog, {}, {"_default", "gone"});
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_THAT(Ids(plan->channels[0].segments), ElementsAre(3));
  EXPECT_THAT(Ids(plan->channels[0].deletes), ElementsAre(3, 4));
  EXPECT_EQ(plan->rows, 7);
  ASSERT_EQ(plan->channels.size(), 2U) << "the log takes over in all channels";
}

struct Case {
  const char* name;
  std::function<void(Segment*)> change;  // of a segment with rows
  bool read;
};

TEST(SnapshotPlanTest, WhichSegmentsAreRead) {
  const auto state = [](SegmentState wanted) {
    return [wanted](Segment* segment) { segment->state = wanted; };
  };
  const std::vector<Case> cases = {
      {"growing", state(SegmentState::kGrowing), true},
      {"sealed", state(SegmentState::kSealed), true},
      {"flushing", state(SegmentState::kFlushing), true},
      {"flushed", state(SegmentState::kFlushed), true},
      {"dropped", state(SegmentState::kDropped), false},
      {"importing", state(SegmentState::kImporting), false},
      {"none", state(SegmentState{0}), false},
      {"not exist", state(SegmentState{1}), false},
      {"flushed, import not completed", [](Segment* s) { s->is_importing = true; }, false},
      {"fake", [](Segment* s) { s->is_fake = true; }, false},
      {"L0", [](Segment* s) { s->level = SegmentLevel::kL0; }, false},
      {"L1", [](Segment* s) { s->level = SegmentLevel::kL1; }, true},
      {"L2", [](Segment* s) { s->level = SegmentLevel::kL2; }, true},
      {"storage version 1", [](Segment* s) { s->storage_version = 1; }, true},
      {"of a dropped partition", [](Segment* s) { s->partition = PartitionId{9}; }, false},
      {"of another partition", [](Segment* s) { s->partition = PartitionId{8}; }, true},
      {"growing without files",
       [](Segment* s) { *s = {.id = s->id, .partition = s->partition, .vchannel = "v0"}; }, false},
      {"compacted from what is gone", [](Segment* s) { s->compacted_from = {SegmentId{99}}; },
       true},
      {"compacted from itself", [](Segment* s) { s->compacted_from = {s->id}; }, true},
  };
  for (const Case& one : cases) {
    Segment segment = MakeSegment(3, {5});
    one.change(&segment);
    EXPECT_EQ(Chosen({segment}).size(), one.read ? 1U : 0U) << one.name;
  }
}

TEST(SnapshotPlanTest, OfACompactionEitherTheInputsOrTheOutputAreRead) {
  Segment a = MakeSegment(1, {1});
  Segment b = MakeSegment(2, {1});
  Segment output = MakeSegment(3, {2});
  output.compacted_from = {a.id, b.id};
  Segment later = MakeSegment(4, {2});
  later.compacted_from = {output.id};
  // Milvus 2.5 writes the output first.
  EXPECT_THAT(Chosen({a, b, output}), ElementsAre(1, 2));
  EXPECT_THAT(Chosen({a, b, output, later}), ElementsAre(1, 2));
  const auto drop = [](Segment* segment) {
    segment->state = SegmentState::kDropped;
    segment->compacted = true;
  };
  drop(&a);
  EXPECT_THAT(ErrorOf(MakeCatalog({a, b, output})),
              HasSubstr("ABORTED: channel v0: a compaction is half written: segment 3"));
  drop(&b);
  EXPECT_THAT(Chosen({a, b, output}), ElementsAre(3));
  EXPECT_THAT(Chosen({a, b, output, later}), ElementsAre(3));
  drop(&output);
  EXPECT_THAT(Chosen({a, b, output, later}), ElementsAre(4));
  EXPECT_THAT(Chosen({later}), ElementsAre(4));
}

TEST(SnapshotPlanTest, SmallSegmentsFirstWithinAPartition) {
  Segment elsewhere = MakeSegment(5, {1});
  elsewhere.partition = PartitionId{8};
  EXPECT_THAT(Chosen({MakeSegment(2, {9}), MakeSegment(3, {4}), MakeSegment(4, {4}), elsewhere}),
              ElementsAre(3, 4, 2, 5));
}

TEST(SnapshotPlanTest, DeletesOfEveryStoredSegmentCount) {
  Segment input = MakeSegment(1, {1});
  Segment output = MakeSegment(2, {1});
  output.compacted_from = {input.id};
  Segment l0 = MakeSegment(3, {});
  l0.level = SegmentLevel::kL0;
  l0.partition = kAllPartitions;
  Segment dropped = MakeSegment(4, {1});
  dropped.state = SegmentState::kDropped;
  const auto plan = PlanSnapshot(MakeCollection(), MakeCatalog({input, output, l0, dropped}));
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_THAT(Ids(plan->channels[0].segments), ElementsAre(1));
  EXPECT_THAT(Ids(plan->channels[0].deletes), ElementsAre(1, 2, 3));
}

TEST(SnapshotPlanTest, IncompleteRecordsAreReadAgain) {
  const std::vector<std::pair<std::function<void(Segment*)>, std::string>> cases = {
      {[](Segment* s) { s->insert_logs.erase(FieldId{0}); }, "field 0 has no files"},
      {[](Segment* s) { s->insert_logs.erase(FieldId{1}); }, "field 1 has no files"},
      {[](Segment* s) { s->insert_logs.erase(FieldId{101}); }, "field 101 has no files"},
      {[](Segment* s) { s->insert_logs[FieldId{101}].pop_back(); },
       "field 101 has another number of files: 1 and 2"},
      {[](Segment* s) { ++s->insert_logs[FieldId{101}].back().rows; },
       "field 101 has another number of rows in file 4011"},
      {[](Segment* s) { ++s->rows; }, "its files do not hold its rows: 7 and 8"},
      {[](Segment* s) { s->insert_logs.clear(); }, "field 1 has no files"},
  };
  for (const auto& [change, error] : cases) {
    Segment segment = MakeSegment(3, {5, 2});
    change(&segment);
    EXPECT_EQ(ErrorOf(MakeCatalog({segment})),
              "UNAVAILABLE: channel v0: segment 3 is recorded incompletely: " + error);
  }
}

TEST(SnapshotPlanTest, LaterFormatsAreRefused) {
  Segment segment = MakeSegment(3, {5});
  segment.storage_version = 2;
  EXPECT_EQ(ErrorOf(MakeCatalog({segment})),
            "FAILED_PRECONDITION: channel v0: segment 3 has an unknown storage version: 2");
}

TEST(SnapshotPlanTest, WithoutCheckpointTheCollectionsBeginningCounts) {
  SegmentCatalog catalog = MakeCatalog({});
  catalog.checkpoints.clear();
  const auto plan = PlanSnapshot(MakeCollection(), catalog);
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_EQ(plan->channels[1].takeover, (LogPlace{MsgId{"s1"}, Timestamp{10}}));
  EXPECT_EQ(plan->rows, 0);
  catalog = MakeCatalog({MakeSegment(3, {5})});
  catalog.checkpoints.clear();
  EXPECT_THAT(ErrorOf(catalog), HasSubstr("FAILED_PRECONDITION: channel v0: the source has rows but"
                                          " no checkpoint"));
}

TEST(SnapshotPlanTest, WaitsForTheCheckpointToPassABulkImport) {
  Segment segment = MakeSegment(3, {5, 2});
  for (auto& [field, files] : segment.insert_logs) {
    for (LogFile& file : files) {
      file.first = file.last = Timestamp{1001};
    }
  }
  EXPECT_THAT(ErrorOf(MakeCatalog({segment})), HasSubstr("ABORTED: channel v0: waiting for"));
  SegmentCatalog passed = MakeCatalog({segment});
  passed.checkpoints["v0"].time = Timestamp{1001};
  EXPECT_TRUE(PlanSnapshot(MakeCollection(), passed).ok());
  // Rows with different times are normal ones above the checkpoint.
  segment.insert_logs[kTimestampField][1].last = Timestamp{1002};
  EXPECT_THAT(Chosen({segment}), ElementsAre(3));
  segment.insert_logs[kTimestampField][1].last = Timestamp{1001};
  segment.state = SegmentState::kGrowing;
  EXPECT_THAT(Chosen({segment}), ElementsAre(3));
}

TEST(SnapshotPlanTest, RowsLiveAsLongAsTheTtlSays) {
  const auto oldest = [](const std::string& ttl) {
    Collection collection = MakeCollection();
    collection.properties = {{.key = "other", .value = "5"},
                             {.key = "collection.ttl.seconds", .value = ttl}};
    SegmentCatalog catalog = MakeCatalog({});
    catalog.checkpoints["v0"].time = Timestamp::FromUnixMs(100'500, 7);
    const auto plan = PlanSnapshot(collection, catalog);
    return plan.ok() ? plan->channels[0].oldest : Timestamp{1};
  };
  EXPECT_EQ(oldest("60"), Timestamp::FromUnixMs(40'500));
  EXPECT_EQ(oldest("100"), Timestamp::FromUnixMs(500));
  for (const char* none : {"0", "-1", "", "x", "101", "9223372036854775807"}) {
    EXPECT_EQ(oldest(none), Timestamp{}) << none;
  }
}

TEST(SnapshotPlanTest, ReportsImportsUnderWay) {
  Segment importing = MakeSegment(3, {5});
  importing.is_importing = true;
  const auto plan = PlanSnapshot(MakeCollection(), MakeCatalog({importing}));
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_TRUE(plan->importing);
  EXPECT_FALSE(PlanSnapshot(MakeCollection(), MakeCatalog({}))->importing);
  SegmentCatalog with_a_job = MakeCatalog({});
  with_a_job.has_import_job = true;
  EXPECT_TRUE(PlanSnapshot(MakeCollection(), with_a_job)->importing);
}

TEST(SnapshotPlanTest, AFixedTakeoverMustBeSaved) {
  const SegmentCatalog catalog = MakeCatalog({MakeSegment(3, {5})});
  const LogPlace early{MsgId{"e"}, Timestamp{150}};
  const auto plan = PlanSnapshot(MakeCollection(), catalog, {{"v0", early}});
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_EQ(plan->channels[0].takeover, early);
  EXPECT_EQ(plan->channels[1].takeover.time, kCheckpoint);
  const LogPlace late{MsgId{"l"}, Timestamp{1001}};
  EXPECT_EQ(
      PlanSnapshot(MakeCollection(), catalog, {{"v0", late}}).status().ToString(),
      "UNAVAILABLE: channel v0: the source has not saved all rows yet: checkpoint 1000 < 1001");
}

TEST(SnapshotPlanTest, FindsTheDynamicField) {
  Collection collection = MakeCollection();
  Segment segment = MakeSegment(3, {5});
  segment.insert_logs[FieldId{102}] = segment.insert_logs[FieldId{101}];
  const SegmentCatalog catalog = MakeCatalog({segment});
  EXPECT_THAT(PlanSnapshot(collection, catalog).status().ToString(),
              HasSubstr("segment 3 has a field that is not in the schema: 102"));
  collection.schema.enable_dynamic_field = true;
  const auto plan = PlanSnapshot(collection, catalog);
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  ASSERT_EQ(plan->columns.size(), 3U);
  EXPECT_EQ(
      plan->columns[2],
      (Field{.id = FieldId{102}, .name = "$meta", .type = DataType::kJson, .is_dynamic = true}));
}

}  // namespace
}  // namespace cdc
