#include "source/snapshot/segment_catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "milvus_meta.pb.h"
#include "source/snapshot/testing/log_file_writer.h"

namespace cdc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

const std::string kRoot = "by-dev/meta/";
const std::string kData = kRoot + "datacoord-meta/";

Collection MakeCollection(int64_t id, const std::string& vchannel) {
  Collection collection;
  collection.id = CollectionId{id};
  collection.vchannels = {vchannel};
  return collection;
}

Result<SegmentCatalog> Build(const std::vector<EtcdKeyValue>& kvs) {
  return BuildSegmentCatalog(kRoot, MakeCollection(1, "v0"), 9, kvs);
}

std::string MakeSegment(int64_t id) {
  meta::SegmentInfo info;
  info.set_id(id);
  info.set_collectionid(1);
  info.set_partitionid(2);
  info.set_insert_channel("v0");
  return info.SerializeAsString();
}

std::string MakeLogs(int64_t field, int64_t id, const std::string& path = "") {
  meta::FieldBinlog logs;
  logs.set_fieldid(field);
  logs.add_binlogs()->set_logid(id);
  logs.mutable_binlogs(0)->set_log_path(path);
  logs.mutable_binlogs(0)->set_entries_num(4);
  return logs.SerializeAsString();
}

// Values of a Milvus 2.3.5.
TEST(SegmentCatalogTest, ReadsRecordsOfMilvus) {
  const std::string channel = "by-st-rootcoord-dml_2_470729803981592540v0";
  const std::string segment = "470729803981592540/470729803981592541/470729803981594208";
  const auto catalog = BuildSegmentCatalog(
      "by-st/meta/", MakeCollection(470729803981592540, channel), 9,
      {{.key = "by-st/meta/datacoord-meta/s/" + segment,
        .value = FromHex("08e0bc8cfcb3c897c40610dcaf8cfcb3c897c40618ddaf8cfcb3c897c406222a62792d737"
                         "42d726f6f74636f"
                         "6f72642d646d6c5f325f34373037323938303339383135393235343076302804300438f8f"
                         "0e103408280e0d6"
                         "accf97c4064a400a2a62792d73742d726f6f74636f6f72642d646d6c5f325f34373037323"
                         "938303339383135"
                         "3932353430763012080500543f435e8806209180a08dc1cc97c406527c0a2a62792d73742"
                         "d726f6f74636f6f"
                         "72642d646d6c5f325f34373037323938303339383135393235343076301208"
                         "0412543f435e88061a3a646174616e6f64652d312d62792d73742d726f6f74636f6f72642"
                         "d646d6c5f325f34"
                         "37303732393830333938313539323534307630"
                         "2d74727565208180b090ecce97c40670017a09e9af8cfcb3c897c406")},
       {.key = "by-st/meta/datacoord-meta/binlog/" + segment + "/101",
        .value = FromHex(
            "086512230804108780c093c1cc97c406188780c093c1cc97c40628fc0230e3bc8cfcb3c897c406")},
       {.key = "by-st/meta/datacoord-meta/channel-cp/" + channel,
        .value = FromHex("0a2a62792d73742d726f6f74636f6f72642d646d6c5f325f3437303732393830333938313"
                         "539323534307630"
                         "12086f2a6c42865f88061a3a646174616e6f64652d322d62792d73742d726f6f74636f6f7"
                         "2642d646d6c5f32"
                         "5f343730373239383033393831353932353430763"
                         "02d74727565208180808eeff297c406")}});
  ASSERT_TRUE(catalog.ok()) << catalog.status().ToString();
  EXPECT_EQ(catalog->revision, 9);
  ASSERT_EQ(catalog->segments.size(), 1U);
  const Segment& found = catalog->segments.begin()->second;
  EXPECT_EQ(found.id, SegmentId{470729803981594208});
  EXPECT_EQ(found.partition, PartitionId{470729803981592541});
  EXPECT_EQ(found.vchannel, channel);
  EXPECT_EQ(found.rows, 4);
  EXPECT_EQ(found.state, SegmentState::kFlushed);
  EXPECT_THAT(found.compacted_from, ElementsAre(SegmentId{470729803981592553}));
  ASSERT_TRUE(found.saved.has_value());
  EXPECT_EQ(found.saved->position, MsgId{FromHex("0412543f435e8806")});
  const Timestamp time{470729944959287303};
  EXPECT_THAT(
      found.insert_logs,
      ElementsAre(Pair(
          FieldId{101},
          ElementsAre(LogFile{
              .id = 470729803981594211, .rows = 4, .bytes = 380, .first = time, .last = time}))));
  ASSERT_EQ(catalog->checkpoints.count(channel), 1U);
  EXPECT_EQ(catalog->checkpoints.at(channel).position, MsgId{FromHex("6f2a6c42865f8806")});
}

TEST(SegmentCatalogTest, ReadsTheRangesOfTheCollectionOnly) {
  const std::vector<KeyRange> ranges = SegmentCatalogRanges(kRoot, MakeCollection(1, "v0"));
  ASSERT_EQ(ranges.size(), 6U);
  EXPECT_EQ(ranges[0].begin, kData + "s/1/");
  EXPECT_EQ(ranges[0].end, kData + "s/10");
  EXPECT_EQ(ranges[4].begin, kData + "import-job/");
  EXPECT_EQ(ranges[5].begin, kData + "channel-cp/v0");
  EXPECT_EQ(ranges[5].end, "");
}

TEST(SegmentCatalogTest, KnowsOfImportsThatHaveNotMadeASegment) {
  const auto has_job = [](int64_t collection, int32_t state) {
    meta::ImportJob job;
    job.set_jobid(77);
    job.set_collectionid(collection);
    job.set_state(state);
    const auto catalog =
        Build({{.key = kData + "import-job/77", .value = job.SerializeAsString()}});
    return catalog.ok() && catalog->has_import_job;
  };
  for (const int32_t going_on : {0, 1, 2, 3, 6, 7, 8}) {
    EXPECT_TRUE(has_job(1, going_on)) << going_on;
  }
  EXPECT_FALSE(has_job(1, 4)) << "failed";
  EXPECT_FALSE(has_job(1, 5)) << "completed";
  EXPECT_FALSE(has_job(2, 3)) << "of another collection";
  EXPECT_EQ(Build({{.key = kData + "import-job/77", .value = "\xff"}}).status().code(),
            StatusCode::kDataLoss);
}

TEST(SegmentCatalogTest, PutsFilesToTheirSegments) {
  const auto catalog = Build({{.key = kData + "binlog/1/2/3/100", .value = MakeLogs(100, 7)},
                              {.key = kData + "deltalog/1/2/3/0", .value = MakeLogs(0, 8)},
                              {.key = kData + "binlog/1/2/99/100", .value = MakeLogs(100, 9)},
                              {.key = kData + "s/1/2/3", .value = MakeSegment(3)}});
  ASSERT_TRUE(catalog.ok()) << catalog.status().ToString();
  ASSERT_EQ(catalog->segments.size(), 1U);
  const Segment& segment = catalog->segments.at(SegmentId{3});
  EXPECT_EQ(segment.insert_logs.at(FieldId{100}).front().id, 7);
  EXPECT_EQ(segment.delete_logs.front().id, 8);
}

TEST(SegmentCatalogTest, OldRecordsHoldTheirFilesAndPaths) {
  meta::SegmentInfo info;
  ASSERT_TRUE(info.ParseFromString(MakeSegment(3)));
  ASSERT_TRUE(
      info.add_binlogs()->ParseFromString(MakeLogs(100, 0, "files/insert_log/1/2/3/100/7")));
  const auto catalog = Build({{.key = kData + "s/1/2/3", .value = info.SerializeAsString()},
                              {.key = kData + "binlog/1/2/3/100", .value = MakeLogs(100, 9)}});
  ASSERT_TRUE(catalog.ok()) << catalog.status().ToString();
  EXPECT_EQ(catalog->segments.at(SegmentId{3}).insert_logs.at(FieldId{100}).front().id, 7);
}

TEST(SegmentCatalogTest, OnlyCreatedPartitionsExist) {
  const std::string partitions = kRoot + "root-coord/partitions/1/";
  meta::PartitionInfo info;
  info.set_partitionid(2);
  info.set_partitionname("_default");
  meta::PartitionInfo dropping = info;
  dropping.set_partitionid(3);
  dropping.set_state(meta::PartitionDropping);
  const auto catalog = Build({{.key = partitions + "2", .value = info.SerializeAsString()},
                              {.key = partitions + "3", .value = dropping.SerializeAsString()},
                              {.key = partitions + "4", .value = "\xE2\x9B\xBC"}});
  ASSERT_TRUE(catalog.ok()) << catalog.status().ToString();
  EXPECT_THAT(catalog->partitions, ElementsAre(Pair(PartitionId{2}, "_default")));
}

TEST(SegmentCatalogTest, AMalformedValueIsNamed) {
  const std::vector<EtcdKeyValue> cases = {
      {.key = kData + "s/1/2/3", .value = "x"},
      {.key = kData + "s/1/2/3", .value = MakeSegment(4)},
      {.key = kData + "s/1/2", .value = MakeSegment(3)},
      {.key = kData + "s/1/2/3/4", .value = MakeSegment(3)},
      {.key = kData + "s/1/2/x", .value = MakeSegment(3)},
      {.key = kData + "binlog/1/2/3/100", .value = MakeLogs(101, 7)},
      {.key = kData + "binlog/1/2/3/100", .value = MakeLogs(100, 0, "no/number")},
      {.key = kData + "binlog/1/2/3/100", .value = MakeLogs(100, 0, "no-slash")},
      {.key = kData + "binlog/1/2/3/100", .value = MakeLogs(100, 0, "")},
      {.key = kData + "channel-cp/v0", .value = ""},
      {.key = kRoot + "root-coord/partitions/1/2", .value = ""},
  };
  for (const EtcdKeyValue& kv : cases) {
    const Status status = Build({kv}).status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << kv.key;
    EXPECT_THAT(status.message(), HasSubstr(kv.key));
  }
}

}  // namespace
}  // namespace cdc
