#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/testing/fake_clock.h"
#include "feed/catalog_barrier.h"
#include "feed/channel_feed.h"
#include "feed/reader_set.h"
#include "feed/testing/fake_subscriber.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "milvus.pb.h"
#include "model/wal_properties.h"
#include "msg.pb.h"
#include "source/testing/fake_source.h"

// What a channel does with single messages of the write-ahead log.
namespace cdc {
namespace {

namespace pb = ::milvus::proto;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kWalChannel = "dml_0";

// ---- messages, of the collection 1 unless something else is said; times are below 10

LogRecord WalRecord(int64_t id, WalProperties properties, std::string body = "") {
  return {FakeLog::IdOf(id), Payload::Own(std::move(body)),
          std::make_shared<const WalProperties>(std::move(properties))};
}

LogRecord RecordOf(int64_t id, std::string_view type, uint64_t ts, std::string_view header = "") {
  return WalRecord(id, {.version = "1",
                        .type = std::string(type),
                        .time_tick = std::to_string(ts),
                        .header = std::string(header)});
}

LogRecord TickRecord(int64_t id, uint64_t ts) { return RecordOf(id, "1", ts); }

// `transaction`: its TxnContext; empty: none.
LogRecord DeleteRecord(int64_t id, uint64_t ts, std::string_view transaction = "") {
  pb::msg::DeleteRequest body;
  body.mutable_base()->set_msg_type(pb::common::Delete);
  body.set_shardname("dml_0_1v0");
  body.set_collectionid(1);
  body.set_partitionid(-1);
  body.set_num_rows(1);
  body.add_timestamps(0);
  body.mutable_primary_keys()->mutable_int_id()->add_data(id);
  return WalRecord(id,
                   {.version = "1",
                    .type = "3",
                    .time_tick = std::to_string(ts),
                    .vchannel = "dml_0_1v0",
                    .header = "CAEQAQ==",  // {1: collection 1, 2: one row}
                    .transaction = std::string(transaction)},
                   body.SerializeAsString());
}

// One follower of a channel, in whose catalog is the collection 1.
class Reading {
 public:
  explicit Reading(const FeedStart& start = {}) {
    Catalog known;
    Collection collection;
    collection.id = {1};
    known.collections[{1}] = std::make_shared<const Collection>(std::move(collection));
    catalog_.Set(std::move(known));
    barrier_.Refresh();
    channel.Follow(&subscriber, start);
    channel.UpdateCursors();
  }

  void Read(std::vector<LogRecord> records) {
    LogBatch found{.channel = kWalChannel, .records = std::move(records), .status = {}};
    channel.Handle(0, &found);
  }

 private:
  FakeCatalog catalog_;
  FakeLog log_;
  CatalogBarrier barrier_{&catalog_};
  ReaderSet readers_{&log_};
  FakeClock clock_;

 public:
  FakeSubscriber subscriber;
  ChannelFeed channel{kWalChannel, true, &log_, &barrier_, &readers_, &clock_};
};

TEST(ChannelFeedWal, UnknownTypesAreCountedWithTheNextTick) {
  Reading reading;
  reading.Read(
      {RecordOf(1, "47", 1), DeleteRecord(2, 2), RecordOf(3, "48", 3), RecordOf(4, "10", 4)});
  EXPECT_EQ(reading.subscriber.unknown(), 0U);
  reading.Read({TickRecord(5, 5)});
  EXPECT_EQ(reading.subscriber.unknown(), 2U) << "10 is CreateSegment";
  EXPECT_THAT(reading.subscriber.rows(), ElementsAre(2));
  reading.Read({TickRecord(6, 6), RecordOf(7, "47", 7), TickRecord(8, 8)});
  EXPECT_EQ(reading.subscriber.unknown(), 3U);
}

// A restart reads messages again that have been counted.
TEST(ChannelFeedWal, UnknownTypesBeforeTheStartAreNotCounted) {
  Reading reading({.position = LogPosition{.id = FakeLog::IdOf(1)}, .resolved = {5}});
  reading.Read({RecordOf(1, "47", 4), TickRecord(2, 5), RecordOf(3, "47", 6), TickRecord(4, 7)});
  EXPECT_EQ(reading.subscriber.unknown(), 1U);
}

TEST(ChannelFeedWal, ATruncationComesWithItsTickAndNeedsItsCollection) {
  Reading reading;
  reading.Read({RecordOf(1, "38", 2, "EAE="), TickRecord(2, 3)});
  EXPECT_THAT(reading.subscriber.breaks(), ElementsAre(2));
  EXPECT_TRUE(reading.subscriber.status().ok());
  reading.Read({RecordOf(3, "38", 4, "EAI="), TickRecord(4, 5)});
  EXPECT_THAT(reading.subscriber.breaks(), ElementsAre(2));
  EXPECT_TRUE(reading.channel.stalled()) << "the catalog has no collection 2";
}

TEST(ChannelFeedWal, ALogThatContinuesElsewherePauses) {
  Reading reading;
  reading.Read(
      {DeleteRecord(1, 1), TickRecord(2, 2), RecordOf(3, "700", 3, "CAM="), TickRecord(4, 4)});
  EXPECT_THAT(reading.subscriber.rows(), ElementsAre(1));
  EXPECT_EQ(reading.subscriber.resolved(), 2U);
  EXPECT_EQ(reading.subscriber.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(reading.subscriber.status().message(),
              AllOf(HasSubstr("position 3: "), HasSubstr("moved its log to Kafka")));
}

// Half an upsert must not be written, nor may the rest be skipped as a damaged record may.
TEST(ChannelFeedWal, NothingOfATransactionWithADamagedPartIsReleased) {
  Reading reading;
  const char* const kTransaction = "CAEQ////////////AQ==";  // {1: id 1, 2: keepalive -1}
  const auto control = [kTransaction](int64_t id, std::string_view type, uint64_t ts) {
    LogRecord made = RecordOf(id, type, ts);
    WalProperties properties = *made.wal;
    properties.transaction = kTransaction;
    return WalRecord(id, std::move(properties));
  };
  const std::vector<LogRecord> whole = {control(1, "900", 1), DeleteRecord(2, 2, kTransaction),
                                        DeleteRecord(3, 3, kTransaction), control(4, "901", 4),
                                        TickRecord(5, 5)};
  std::vector<LogRecord> damaged = whole;
  damaged[2].payload = Payload::Own(std::string(damaged[2].payload.bytes.substr(0, 9)));
  reading.Read(damaged);
  EXPECT_THAT(reading.subscriber.rows(), IsEmpty());
  EXPECT_EQ(reading.subscriber.resolved(), 0U);
  EXPECT_EQ(reading.subscriber.damaged(), 0U) << "it is not one that may be skipped";
  EXPECT_EQ(reading.subscriber.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(reading.subscriber.status().message(), HasSubstr("position 3: "));

  Reading other;
  other.Read(whole);
  EXPECT_THAT(other.subscriber.rows(), ElementsAre(4, 4)) << "undamaged, it comes with its commit";
}

}  // namespace
}  // namespace cdc
