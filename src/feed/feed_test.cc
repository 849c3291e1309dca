#include "feed/feed.h"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/eventually.h"
#include "base/testing/fake_clock.h"
#include "base/thread.h"
#include "feed/testing/fake_subscriber.h"
#include "milvus.pb.h"
#include "msg.pb.h"
#include "source/testing/fake_source.h"

namespace cdc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace pb = milvus::proto;

constexpr const char* kDml = "dml_0";

std::string Tick(uint64_t ts) {
  pb::msg::TimeTickMsg tick;
  tick.mutable_base()->set_msg_type(pb::common::TimeTick);
  tick.mutable_base()->set_timestamp(ts);
  return tick.SerializeAsString();
}

// A row of `collection` with the key `ts`.
std::string Row(int64_t collection, uint64_t ts, int64_t partition = 10) {
  pb::msg::DeleteRequest request;
  request.mutable_base()->set_msg_type(pb::common::Delete);
  request.mutable_base()->set_msgid(static_cast<int64_t>(ts));
  request.set_shardname("v");
  request.set_collectionid(collection);
  request.set_partitionid(partition);
  request.set_num_rows(1);
  request.add_timestamps(ts);
  request.mutable_primary_keys()->mutable_int_id()->add_data(static_cast<int64_t>(ts));
  return request.SerializeAsString();
}

std::string Import(int64_t collection, uint64_t ts) {
  pb::msg::ImportMsg message;
  message.mutable_base()->set_msg_type(pb::common::Import);
  message.mutable_base()->set_timestamp(ts);
  message.set_collectionid(collection);
  message.add_files()->add_paths("rows.parquet");
  return message.SerializeAsString();
}

Catalog CatalogOf(const std::vector<int64_t>& collections) {
  Catalog catalog;
  for (const int64_t id : collections) {
    Collection collection;
    collection.id = {id};
    collection.partitions = {{.id = {10}, .name = "_default"}};
    catalog.collections[{id}] = std::make_shared<const Collection>(std::move(collection));
  }
  return catalog;
}

// Counts the records that are read.
class CountingLog : public FakeLog {
 public:
  Result<std::unique_ptr<LogReader>> NewReader() override {
    CDC_ASSIGN_OR_RETURN(auto reader, FakeLog::NewReader());
    return std::unique_ptr<LogReader>(std::make_unique<Reader>(this, std::move(reader)));
  }
  size_t records() const {
    MutexLock lock(mutex_);
    return records_;
  }
  // Makes the channel fail with `status` in the next `times` polls.
  void FailPolls(int times, Status status) {
    MutexLock lock(mutex_);
    failures_ = times;
    failure_ = std::move(status);
  }

 private:
  class Reader : public LogReader {
   public:
    Reader(CountingLog* log, std::unique_ptr<LogReader> reader)
        : log_(log), reader_(std::move(reader)) {}
    Status Add(const std::string& channel, const std::optional<LogPosition>& start) override {
      return reader_->Add(channel, start);
    }
    void Remove(const std::string& channel) override { reader_->Remove(channel); }
    void SetPaused(const std::string& channel, bool paused) override {
      reader_->SetPaused(channel, paused);
    }
    Status Poll(size_t max_bytes,
                std::chrono::milliseconds timeout,
                const std::stop_token& stop,
                std::vector<LogBatch>* out) override {
      {
        MutexLock lock(log_->mutex_);
        if (log_->failures_ > 0) {
          --log_->failures_;
          out->push_back({.channel = kDml, .records = {}, .status = log_->failure_});
          return OkStatus();
        }
      }
      const Status status = reader_->Poll(max_bytes, timeout, stop, out);
      MutexLock lock(log_->mutex_);
      for (const LogBatch& batch : *out) {
        log_->records_ += batch.records.size();
      }
      return status;
    }

   private:
    CountingLog* const log_;
    const std::unique_ptr<LogReader> reader_;
  };

  mutable Mutex mutex_;
  size_t records_ CDC_GUARDED_BY(mutex_) = 0;
  int failures_ CDC_GUARDED_BY(mutex_) = 0;
  Status failure_ CDC_GUARDED_BY(mutex_);
};

// An answer that arrives after the snapshot was taken says nothing about it: the snapshot may be
// older.
TEST(CatalogBarrier, AnAnswerCountsWithTheSnapshotThatIsTakenAfterIt) {
  FakeCatalog catalog;
  catalog.Set(CatalogOf({1}));
  CatalogBarrier barrier(&catalog);
  ASSERT_TRUE(barrier.Refresh());
  const uint64_t ticket = barrier.RequestSync();
  catalog.SetUnseen(CatalogOf({1, 3}));
  Thread ask("ask", [&](const auto& stop) { barrier.Run(stop); });
  ASSERT_TRUE(Eventually([&] { return catalog.Current()->collections.size() == 2; }));
  barrier.WaitForAnswer(kPatience, std::stop_token());
  EXPECT_FALSE(barrier.HasAnswer(ticket));
  EXPECT_EQ(barrier.catalog()->collections.size(), 1);
  EXPECT_TRUE(barrier.Refresh());
  EXPECT_TRUE(barrier.HasAnswer(ticket));
  EXPECT_EQ(barrier.catalog()->collections.size(), 2);
}

// Even in a dense log, the cursor behind stops at the record where the other one is.
TEST(ChannelFeed, TwoCursorsBecomeOneInTheMiddleOfABatch) {
  FakeCatalog catalog;
  catalog.Set(CatalogOf({1}));
  FakeLog log;
  CatalogBarrier barrier(&catalog);
  ASSERT_TRUE(barrier.Refresh());
  ReaderSet readers(&log);
  ChannelFeed channel(kDml, true, &log, &barrier, &readers, &Clock::Real());
  const auto batch = [](int64_t first, int64_t last) {
    LogBatch found{.channel = kDml, .records = {}, .status = {}};
    for (int64_t id = first; id <= last; ++id) {
      const auto ts = static_cast<uint64_t>(id) * 10;
      found.records.push_back(
          {FakeLog::IdOf(id), Payload::Own(id % 2 == 0 ? Tick(ts) : Row(1, ts))});
    }
    return found;
  };
  FakeSubscriber a;
  FakeSubscriber b;
  channel.Follow(&a, {});
  channel.UpdateCursors();
  LogBatch found = batch(1, 5);
  channel.Handle(0, &found);
  channel.Follow(&b, {.position = LogPosition{.id = FakeLog::IdOf(2)}, .resolved = {20}});
  channel.UpdateCursors();
  ASSERT_TRUE(readers.IsUsed(1));
  found = batch(2, 8);
  channel.Handle(1, &found);
  EXPECT_FALSE(readers.IsUsed(1));
  found = batch(6, 10);
  channel.Handle(0, &found);
  EXPECT_THAT(a.rows(), ElementsAre(10, 30, 50, 70, 90));
  EXPECT_THAT(b.rows(), ElementsAre(30, 50, 70, 90));
}

TEST(ChannelFeed, AnOutbreakOfLateMessagesIsToldOnce) {
  FakeCatalog catalog;
  catalog.Set(CatalogOf({1}));
  FakeLog log;
  CatalogBarrier barrier(&catalog);
  ASSERT_TRUE(barrier.Refresh());
  ReaderSet readers(&log);
  FakeClock clock;
  ChannelFeed channel(kDml, true, &log, &barrier, &readers, &clock);
  FakeSubscriber subscriber;
  channel.Follow(&subscriber, {});
  channel.UpdateCursors();
  int64_t id = 0;
  const auto read = [&](const std::vector<std::string>& records) {
    LogBatch found{.channel = kDml, .records = {}, .status = {}};
    for (const std::string& record : records) {
      found.records.push_back({FakeLog::IdOf(++id), Payload::Own(record)});
    }
    channel.Handle(0, &found);
  };
  read({Row(1, 10), Tick(20)});
  EXPECT_FALSE(channel.TakeOutbreak());
  read({Row(1, 15), Row(1, 16), Tick(30)});
  EXPECT_TRUE(channel.TakeOutbreak());
  EXPECT_EQ(subscriber.late(), 2U);
  clock.Advance(std::chrono::seconds(50));
  read({Row(1, 29), Tick(40)});
  clock.Advance(std::chrono::seconds(50));
  read({Row(1, 39), Tick(50)});
  EXPECT_FALSE(channel.TakeOutbreak());
  clock.Advance(std::chrono::seconds(61));
  read({Row(1, 55), Tick(60)});
  EXPECT_FALSE(channel.TakeOutbreak());
  read({Row(1, 56), Tick(70)});
  EXPECT_TRUE(channel.TakeOutbreak());
  EXPECT_FALSE(channel.TakeOutbreak());
  EXPECT_EQ(subscriber.late(), 5U);
  EXPECT_THAT(subscriber.rows(), ElementsAre(10, 15, 16, 29, 39, 55, 56));
}

TEST(ChannelFeed, ATickFarAheadOfTheClockIsNotBelieved) {
  FakeCatalog catalog;
  FakeLog log;
  CatalogBarrier barrier(&catalog);
  barrier.Refresh();
  ReaderSet readers(&log);
  FakeClock clock;
  ChannelFeed channel(kDml, true, &log, &barrier, &readers, &clock);
  FakeSubscriber subscriber;
  channel.Follow(&subscriber, {});
  channel.UpdateCursors();
  constexpr uint64_t kTicksPerMs = 1U << 18;
  const uint64_t now = static_cast<uint64_t>(clock.UnixMs()) * kTicksPerMs;
  constexpr uint64_t kDay = 24ULL * 3600 * 1000 * kTicksPerMs;
  LogBatch found{.channel = kDml,
                 .records = {{FakeLog::IdOf(1), Payload::Own(Tick(now + kDay))},
                             {FakeLog::IdOf(2), Payload::Own(Tick(now + kDay + kTicksPerMs))}},
                 .status = {}};
  channel.Handle(0, &found);
  EXPECT_EQ(subscriber.resolved(), now + kDay);
  EXPECT_EQ(subscriber.damaged(), 1U);
}

// Such a message can look like one of 2.5: it must not get as far as a decoder.
TEST(ChannelFeed, TheWriteAheadLogOfALaterVersionIsRefused) {
  for (const bool ticked : {true, false}) {
    FakeCatalog catalog;
    catalog.Set(CatalogOf({1}));
    FakeLog log;
    CatalogBarrier barrier(&catalog);
    barrier.Refresh();
    ReaderSet readers(&log);
    FakeClock clock;
    ChannelFeed channel(kDml, ticked, &log, &barrier, &readers, &clock);
    FakeSubscriber a;
    FakeSubscriber b;
    channel.Follow(&a, {});
    channel.Follow(&b, {});
    channel.UpdateCursors();
    const auto later = std::make_shared<WalProperties>(WalProperties{.version = "3"});
    LogBatch found{.channel = kDml,
                   .records = {{FakeLog::IdOf(1), Payload::Own(Row(1, 10))},
                               {FakeLog::IdOf(2), Payload::Own(Tick(11))},
                               {FakeLog::IdOf(3), Payload::Own(Row(1, 12)), later},
                               {FakeLog::IdOf(4), Payload::Own(Tick(13))}},
                   .status = {}};
    channel.Handle(0, &found);
    for (const FakeSubscriber* subscriber : {&a, &b}) {
      EXPECT_EQ(subscriber->rows().size() + subscriber->records().size(), ticked ? 1U : 2U);
      EXPECT_EQ(subscriber->status().code(), StatusCode::kFailedPrecondition);
      EXPECT_THAT(subscriber->status().message(),
                  testing::AllOf(HasSubstr("position 3: "), HasSubstr("Milvus 2.6"),
                                 HasSubstr(ticked ? "(_v) is \"3\"" : "no such message")));
    }
    channel.UpdateCursors();
    EXPECT_EQ(channel.room(), std::nullopt);
  }
}

TEST(ChannelFeed, AnImportComesWithItsTickAndNeedsItsCollection) {
  FakeCatalog catalog;
  catalog.Set(CatalogOf({1}));
  FakeLog log;
  CatalogBarrier barrier(&catalog);
  barrier.Refresh();
  ReaderSet readers(&log);
  FakeClock clock;
  ChannelFeed channel(kDml, true, &log, &barrier, &readers, &clock);
  FakeSubscriber subscriber;
  channel.Follow(&subscriber, {.position = std::nullopt, .resolved = {5}});
  channel.UpdateCursors();
  LogBatch found{.channel = kDml,
                 .records = {{FakeLog::IdOf(1), Payload::Own(Import(1, 5))},
                             {FakeLog::IdOf(2), Payload::Own(Import(1, 10))},
                             {FakeLog::IdOf(3), Payload::Own(Tick(11))},
                             {FakeLog::IdOf(4), Payload::Own(Import(2, 12))},
                             {FakeLog::IdOf(5), Payload::Own(Tick(13))}},
                 .status = {}};
  channel.Handle(0, &found);
  EXPECT_THAT(subscriber.breaks(), ElementsAre(10));
  EXPECT_TRUE(channel.stalled());
}

class FeedTest : public testing::Test {
 protected:
  FeedTest() : feed_(&catalog_, &log_) { catalog_.Set(CatalogOf({1, 2})); }
  ~FeedTest() override {
    for (FakeSubscriber* subscriber : {&a_, &b_, &c_}) {
      feed_.Detach(subscriber);
    }
  }

  void Run() {
    ask_ = Thread("ask", [this](const auto& stop) { feed_.RunCatalog(stop); });
    read_ = Thread("read", [this](const auto& stop) { feed_.Run(stop); });
  }

  // From record `id`, without rows at or below `resolved`.
  void Follow(FakeSubscriber* subscriber, int64_t id = 0, uint64_t resolved = 0) {
    feed_.Attach(subscriber);
    FeedStart start{.position = std::nullopt, .resolved = {resolved}};
    if (id > 0) {
      start.position = LogPosition{.id = FakeLog::IdOf(id)};
    }
    feed_.Follow(subscriber, kDml, true, start);
  }

  void Append(const std::vector<std::string>& records) {
    for (const std::string& record : records) {
      log_.Append(kDml, record);
    }
  }

  FakeCatalog catalog_;
  CountingLog log_;
  Feed feed_;
  FakeSubscriber a_;
  FakeSubscriber b_;
  FakeSubscriber c_;
  Thread ask_;
  Thread read_;
};

TEST_F(FeedTest, RowsComeWithTheirTickSortedByTime) {
  Append({Row(1, 12), Row(2, 11), Row(1, 22), Tick(20)});
  Follow(&a_);
  Run();
  EXPECT_TRUE(a_.WaitForResolved(20));
  EXPECT_THAT(a_.rows(), ElementsAre(11, 12));
  Append({Tick(30)});
  EXPECT_TRUE(a_.WaitForResolved(30));
  EXPECT_THAT(a_.rows(), ElementsAre(11, 12, 22));
}

TEST_F(FeedTest, AChannelIsReadOnceForAll) {
  Follow(&a_);
  Follow(&b_);
  Follow(&c_);
  Run();
  for (uint64_t ts = 10; ts < 210; ts += 2) {
    Append({Row(1, ts), Tick(ts + 1)});
  }
  for (FakeSubscriber* subscriber : {&a_, &b_, &c_}) {
    EXPECT_TRUE(subscriber->WaitForResolved(209));
    EXPECT_EQ(subscriber->rows().size(), 100);
  }
  EXPECT_EQ(log_.records(), 200);
}

TEST_F(FeedTest, WhoComesLaterCatchesUpAndThenSharesTheReader) {
  Follow(&a_);
  Run();
  for (uint64_t ts = 10; ts < 210; ts += 2) {
    Append({Row(1, ts), Tick(ts + 1)});
  }
  ASSERT_TRUE(a_.WaitForResolved(209));
  // From tick 109 on, whose record is the 100th.
  Follow(&b_, 100, 109);
  ASSERT_TRUE(b_.WaitForResolved(209));
  EXPECT_EQ(b_.rows().front(), 110);
  EXPECT_EQ(b_.rows().size(), 50);
  // Until they share a cursor, both may read new records.
  const auto shared = [this] {
    static uint64_t ts = 1000;
    const size_t before = log_.records();
    ts += 10;
    Append({Row(1, ts), Tick(ts + 1)});
    return a_.WaitForResolved(ts + 1) && b_.WaitForResolved(ts + 1) && log_.records() == before + 2;
  };
  EXPECT_TRUE(Eventually(shared));
  EXPECT_EQ(a_.rows().size(), b_.rows().size() + 50);
}

TEST_F(FeedTest, TwoThatStandApartBeginTogetherAtTheFirstOfTheirPlaces) {
  for (uint64_t ts = 10; ts < 210; ts += 2) {
    Append({Row(1, ts), Tick(ts + 1)});
  }
  Follow(&a_, 100, 109);
  Follow(&b_, 60, 69);
  Follow(&c_, 180, 189);
  Run();
  for (FakeSubscriber* subscriber : {&a_, &b_, &c_}) {
    EXPECT_TRUE(subscriber->WaitForResolved(209));
  }
  EXPECT_THAT(a_.rows().front(), 110);
  EXPECT_THAT(b_.rows().front(), 70);
  EXPECT_THAT(c_.rows().front(), 190);
  EXPECT_EQ(a_.rows().size() + b_.rows().size() + c_.rows().size(), 50 + 70 + 10);
  EXPECT_EQ(log_.records(), 200 - 60 + 1);
}

TEST_F(FeedTest, WhoIsFullIsLeftBehindAndReadsItsPartLater) {
  Follow(&a_);
  Follow(&b_);
  Run();
  Append({Row(1, 10), Tick(11)});
  ASSERT_TRUE(a_.WaitForResolved(11));
  ASSERT_TRUE(b_.WaitForResolved(11));
  b_.SetRoom(0);
  Append({Tick(12)});
  ASSERT_TRUE(a_.WaitForResolved(12));
  // It may still have got the round that had already begun.
  for (uint64_t ts = 20; ts < 40; ts += 2) {
    Append({Row(1, ts), Tick(ts + 1)});
    ASSERT_TRUE(a_.WaitForResolved(ts + 1));
  }
  EXPECT_LT(b_.resolved(), 39);
  b_.SetRoom(1000);
  EXPECT_TRUE(b_.WaitForResolved(39));
  EXPECT_EQ(b_.rows(), a_.rows());
}

TEST_F(FeedTest, WhoCanJoinDoesNotWaitForThoseWhoNeedAReaderOfTheirOwn) {
  for (uint64_t ts = 10; ts < 210; ts += 2) {
    Append({Row(1, ts), Tick(ts + 1)});
  }
  Follow(&a_);
  Run();
  ASSERT_TRUE(a_.WaitForResolved(209));
  // One becomes full while it catches up; another one would have to begin even further back.
  b_.SetRoom(0);
  Follow(&b_, 60, 69);
  Follow(&c_, 20, 29);
  EXPECT_TRUE(c_.WaitForResolved(209));
  FakeSubscriber d;
  Append({Row(1, 300), Tick(301)});
  Follow(&d, 202, 301);
  Append({Row(1, 400), Tick(401)});
  EXPECT_TRUE(d.WaitForResolved(401));
  EXPECT_THAT(d.rows(), ElementsAre(400));
  b_.SetRoom(1000);
  EXPECT_TRUE(b_.WaitForResolved(401));
  EXPECT_EQ(b_.rows().size(), 70 + 2);
  feed_.Detach(&d);
}

TEST_F(FeedTest, AllFullMeansNothingIsRead) {
  Follow(&a_);
  a_.SetRoom(0);
  Run();
  Append({Row(1, 10), Tick(11)});
  EXPECT_FALSE(a_.WaitForResolved(11, std::chrono::milliseconds(300)));
  EXPECT_EQ(log_.records(), 0);
  a_.SetRoom(1000);
  EXPECT_TRUE(a_.WaitForResolved(11));
}

TEST_F(FeedTest, RowsOfAnUnknownCollectionWaitForTheCatalogAndOthersDoNot) {
  Follow(&a_);
  feed_.Attach(&b_);
  feed_.Follow(&b_, "dml_1", true, {});
  Run();
  catalog_.FailSync(3, UnavailableError("etcd is away"));
  catalog_.SetUnseen(CatalogOf({1, 2, 3}));
  Append({Row(3, 10), Tick(11), Row(1, 12), Tick(13)});
  log_.Append("dml_1", Row(1, 10));
  log_.Append("dml_1", Tick(11));
  EXPECT_TRUE(b_.WaitForResolved(11));
  EXPECT_TRUE(a_.WaitForResolved(13));
  EXPECT_THAT(a_.rows(), ElementsAre(10, 12));
  // The group came after the catalog with its collection, and the error was reported.
  EXPECT_TRUE(a_.KnewCollectionAt(10, {3}));
  EXPECT_TRUE(a_.had_error());
  EXPECT_TRUE(Eventually([this] { return a_.status().ok(); }));
  EXPECT_FALSE(b_.had_error());
}

TEST_F(FeedTest, WhatTheSourceNoLongerKnowsIsAskedForOnce) {
  Follow(&a_);
  Run();
  Append({Row(9, 10), Tick(11)});
  ASSERT_TRUE(a_.WaitForResolved(11));
  catalog_.FailSync(1'000'000, UnavailableError("etcd is away"));
  Append({Row(9, 20), Tick(21)});
  EXPECT_TRUE(a_.WaitForResolved(21));
}

TEST_F(FeedTest, APlaceThatTheLogNoLongerHoldsEndsItsFollowerOnly) {
  for (uint64_t ts = 10; ts < 30; ts += 2) {
    Append({Row(1, ts), Tick(ts + 1)});
  }
  log_.Expire(kDml, FakeLog::IdOf(10));
  Follow(&a_, 2, 11);
  Follow(&b_, 14, 23);
  Run();
  EXPECT_TRUE(b_.WaitForResolved(29));
  EXPECT_TRUE(Eventually([this] { return a_.status().code() == StatusCode::kOutOfRange; }));
  EXPECT_THAT(a_.rows(), IsEmpty());
  EXPECT_THAT(b_.rows(), ElementsAre(24, 26, 28));
  EXPECT_TRUE(b_.status().ok());
}

TEST_F(FeedTest, WhatTheLogHasLostEndsAllFollowers) {
  Append({Row(1, 10), Tick(11), Row(1, 12), Tick(13)});
  Follow(&a_, 2, 11);  // a place that the log holds
  Follow(&b_, 2, 11);
  log_.FailPolls(1, DataLossError("records are missing"));
  Run();
  EXPECT_TRUE(Eventually([this] { return a_.status().code() == StatusCode::kDataLoss; }));
  EXPECT_TRUE(Eventually([this] { return b_.status().code() == StatusCode::kDataLoss; }));
}

TEST_F(FeedTest, APassingErrorIsToldAndTakenBack) {
  Follow(&a_);
  log_.FailPolls(3, UnavailableError("the broker is away"));
  Run();
  EXPECT_TRUE(Eventually([this] { return a_.had_error(); }));
  Append({Row(1, 10), Tick(11)});
  EXPECT_TRUE(a_.WaitForResolved(11));
  EXPECT_TRUE(a_.status().ok());
}

TEST_F(FeedTest, ADamagedRecordIsToldAndLeftOut) {
  Append({Row(1, 10), std::string("\xff\xff"), Tick(11)});
  Follow(&a_);
  Run();
  EXPECT_TRUE(a_.WaitForResolved(11));
  EXPECT_THAT(a_.rows(), ElementsAre(10));
  EXPECT_EQ(a_.damaged(), 1);
}

TEST_F(FeedTest, NothingComesAfterDetach) {
  Follow(&a_);
  Follow(&b_);
  Run();
  Append({Row(1, 10), Tick(11)});
  ASSERT_TRUE(a_.WaitForResolved(11));
  feed_.Detach(&a_);
  Append({Row(1, 20), Tick(21)});
  EXPECT_TRUE(b_.WaitForResolved(21));
  EXPECT_EQ(a_.resolved(), 11);
}

TEST_F(FeedTest, AChannelWithoutTicksGivesItsRecordsAsTheyAre) {
  log_.Append("replicate", "x");
  log_.Append("replicate", "y");
  feed_.Attach(&a_);
  feed_.Follow(&a_, "replicate", false,
               {.position = LogPosition{.id = FakeLog::IdOf(1), .inclusive = false}});
  Run();
  EXPECT_TRUE(Eventually([this] { return a_.records().size() == 1; }));
  log_.Append("replicate", "z");
  EXPECT_TRUE(Eventually([this] { return a_.records().size() == 2; }));
  EXPECT_THAT(a_.records(), ElementsAre("y", "z"));
}

}  // namespace
}  // namespace cdc
