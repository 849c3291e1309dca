#include "snapshot/snapshot_copier.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/eventually.h"
#include "decode/testing/vectors.h"
#include "metastore/testing/in_memory_meta_store.h"
#include "source/testing/fake_snapshot_source.h"
#include "source/testing/fake_source.h"

namespace cdc {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr CollectionId kHello{470642876028028048};
constexpr const char* kFirst = "dml_0_1v0";
constexpr const char* kSecond = "dml_1_1v1";

// Acknowledges at once, or when a test says so. Thread-safe.
class Consumer final : public RowConsumer {
 public:
  void Push(CollectionId /*collection*/,
            const std::string& lane,
            const std::shared_ptr<AckTracker>& tracker,
            std::vector<PendingRows> rows) override {
    if (on_push_) {
      on_push_();
    }
    MutexLock lock(mutex_);
    for (const PendingRows& each : rows) {
      pushed_.push_back(lane +
                        (each.op == RowOp::kUpsert   ? " upsert "
                         : each.op == RowOp::kDelete ? " delete "
                                                     : " insert ") +
                        std::to_string(each.keys.size()));
      for (const AckTracker::Ticket ticket : each.tickets) {
        waiting_.emplace_back(tracker, ticket);
      }
    }
    if (!held_) {
      AcknowledgeLocked();
    }
  }

  size_t size() const {
    MutexLock lock(mutex_);
    return pushed_.size();
  }
  void Hold() {
    MutexLock lock(mutex_);
    held_ = true;
  }
  void Release() {
    MutexLock lock(mutex_);
    held_ = false;
    AcknowledgeLocked();
  }
  void OnPush(std::function<void()> on_push) { on_push_ = std::move(on_push); }
  std::vector<std::string> pushed() const {
    MutexLock lock(mutex_);
    return pushed_;
  }

 private:
  void AcknowledgeLocked() CDC_REQUIRES(mutex_) {
    for (const auto& [tracker, ticket] : waiting_) {
      tracker->Ack(ticket);
    }
    waiting_.clear();
  }

  std::function<void()> on_push_;
  mutable Mutex mutex_;
  bool held_ CDC_GUARDED_BY(mutex_) = false;
  std::vector<std::string> pushed_ CDC_GUARDED_BY(mutex_);
  std::vector<std::pair<std::shared_ptr<AckTracker>, AckTracker::Ticket>> waiting_
      CDC_GUARDED_BY(mutex_);
};

// A target that holds some keys, in one page.
class Keys final : public KeyReader {
 public:
  bool has_keys_by_partition() const override { return true; }
  Result<KeyPage> ReadKeys(const KeyScope& /*scope*/,
                           const std::optional<PrimaryKey>& after,
                           const std::stop_token& /*stop*/) override {
    if (!failure.ok()) {
      return failure;
    }
    KeyPage page;
    if (!after.has_value() && !keys.empty()) {
      page.keys = std::exchange(keys, {});
      page.next = page.keys.back();
    }
    return page;
  }
  std::vector<PrimaryKey> keys;
  Status failure;
};

class SnapshotCopierTest : public testing::Test {
 protected:
  SnapshotCopierTest() {
    SetSource(ObjectState::kCreated);
    EXPECT_TRUE(store_.PutCollection("t", {.id = kHello, .source = {"default", "hello"}}).ok());
    EXPECT_TRUE(store_.PutSnapshot("t", {.collection = kHello}).ok());
  }

  void SetSource(ObjectState state) {
    Collection collection;
    collection.id = kHello;
    collection.name = "hello";
    collection.database = kDefaultDatabaseId;
    collection.state = state;
    collection.vchannels = {kFirst, kSecond};
    collection.pchannels = {"dml_0", "dml_1"};
    collection.schema.fields = {
        {.id = {100}, .name = "id", .type = DataType::kInt64, .is_primary_key = true}};
    Catalog catalog;
    catalog.collections[kHello] = std::make_shared<const Collection>(collection);
    catalog_.Set(std::move(catalog));
  }

  static FakeSnapshotSource::Stored Part(int64_t id, size_t records, Status failure = {}) {
    return {.id = id,
            .payloads = std::vector<std::string>(records, FromHex(kInsertHex)),
            .rows = 4,
            .failure = std::move(failure)};
  }

  // A copier as after a start of the task: it knows what the store has.
  std::unique_ptr<SnapshotCopier> Make(SnapshotSource* source) {
    return std::make_unique<SnapshotCopier>(
        SnapshotCopier::Parts{
            .task_id = "t",
            .catalog = &catalog_,
            .log = &log_,
            .source = [source](const CopySelection&) { return source; },
            .setting = [](const CopySelection&) { return "sourceConfig.storage"; },
            .store = &store_,
            .consumer = &consumer_,
            .throttle = &throttle_,
            .conditions = &conditions_,
            .retry = {.initial = std::chrono::milliseconds(1), .max = std::chrono::milliseconds(2)},
            .max_parallel = max_parallel_,
            .on_failed = [this](CollectionId, const Status& status) { fatal_ = status; },
            .on_log_applied =
                [this](CollectionId id, const auto& takeover) {
                  applied_.push_back(id);
                  takeover_ = takeover;
                },
            .on_gone = [this](CollectionId id) { gone_.push_back(id); },
            .on_copied =
                [this](CollectionId id, const auto& takeover) {
                  copied_.push_back(id);
                  takeover_ = takeover;
                },
            .target_keys = &keys_,
            .gate = [this](CollectionId) { return gate_; }},
        *store_.LoadProgress("t"));
  }
  void Run() {
    copier_ = Make(&source_);
    copier_->Run(stop_.get_token());
  }
  SnapshotProgress Stored() { return store_.LoadProgress("t")->snapshots.at(0); }

  FakeCatalog catalog_;
  FakeSnapshotSource source_;
  FakeLog log_;
  InMemoryMetaStore store_;
  Consumer consumer_;
  Keys keys_;
  std::optional<RowGate> gate_ = RowGate{.target = {"default", "hello"},
                                         .primary_key = "id",
                                         .function_outputs = {},
                                         .may_hold_until = {},
                                         .partition_key = true,
                                         .partitions = {},
                                         .names = {}};
  CopyThrottle throttle_{0};
  ConditionBoard conditions_;
  size_t max_parallel_ = 1;
  Status fatal_;
  std::vector<CollectionId> copied_;
  std::vector<CollectionId> applied_;
  std::vector<CollectionId> gone_;
  std::map<std::string, Takeover> takeover_;
  std::stop_source stop_;
  std::unique_ptr<SnapshotCopier> copier_;
};

TEST_F(SnapshotCopierTest, TheLogMayBeAppliedMeanwhile) {
  ASSERT_TRUE(store_
                  .PutSnapshot("t", {.collection = kHello,
                                     .takeover = {{kFirst, {FakeLog::IdOf(5), {50}}}},
                                     .log = CopyLog::kWillApply})
                  .ok());
  source_.Add({{kFirst, {.takeover = {FakeLog::IdOf(5), {50}}, .parts = {Part(1, 1)}}}});
  // By then it is known.
  consumer_.OnPush([this] {
    EXPECT_THAT(applied_, ElementsAre(kHello));
    EXPECT_EQ(Stored().log, CopyLog::kApplied);
    EXPECT_TRUE(copier_->Statuses().at(0).log_applied);
    EXPECT_FALSE(copier_->Statuses().at(0).done);
  });
  Run();
  EXPECT_TRUE(fatal_.ok()) << fatal_.ToString();
  EXPECT_THAT(copied_, ElementsAre(kHello));
  EXPECT_THAT(applied_, ElementsAre(kHello)) << "once";
  EXPECT_EQ(takeover_.at(kFirst).ts, Timestamp{50});
}

TEST_F(SnapshotCopierTest, ALogThatIsAppliedHasLeftTheTakeover) {
  ASSERT_TRUE(store_
                  .PutSnapshot("t", {.collection = kHello,
                                     .takeover = {{kFirst, {FakeLog::IdOf(2), {50}}}},
                                     .log = CopyLog::kApplied})
                  .ok());
  for (int i = 0; i < 9; ++i) {
    log_.Append("dml_0", "x");
  }
  log_.Expire("dml_0", FakeLog::IdOf(8));
  source_.Add({{kFirst, {.takeover = {FakeLog::IdOf(2), {50}}, .parts = {Part(1, 1)}}}});
  Run();
  EXPECT_TRUE(fatal_.ok()) << fatal_.ToString();
  EXPECT_THAT(copied_, ElementsAre(kHello));
  EXPECT_THAT(applied_, IsEmpty()) << "it was at the start";
}

TEST_F(SnapshotCopierTest, TheLogWaitsIfTheTargetHadTheCollectionBefore) {
  ASSERT_TRUE(store_.PutSnapshot("t", {.collection = kHello, .log = CopyLog::kWillApply}).ok());
  gate_->may_hold_until = {100};
  source_.Add({{kFirst, {.takeover = {FakeLog::IdOf(5), {50}}, .parts = {Part(1, 1)}}}});
  Run();
  EXPECT_TRUE(fatal_.ok()) << fatal_.ToString();
  EXPECT_THAT(copied_, ElementsAre(kHello));
  EXPECT_THAT(applied_, IsEmpty());
  EXPECT_EQ(Stored().log, CopyLog::kWaits);
}

TEST_F(SnapshotCopierTest, SaysThatWhatItWasToCopyIsGone) {
  SetSource(ObjectState::kDropping);
  Run();
  EXPECT_THAT(gone_, ElementsAre(kHello));
  EXPECT_THAT(copied_, IsEmpty());
}

TEST_F(SnapshotCopierTest, CopiesAllShardsAndNotesTheParts) {
  source_.Add({{kFirst, {.takeover = {FakeLog::IdOf(5), {50}}, .parts = {Part(1, 2), Part(2, 1)}}},
               {kSecond, {.takeover = {FakeLog::IdOf(6), {60}}, .parts = {Part(3, 1)}}}});
  Run();
  EXPECT_TRUE(fatal_.ok()) << fatal_.ToString();
  EXPECT_THAT(consumer_.pushed(), ElementsAre("dml_0_1v0 insert 4", "dml_0_1v0 insert 4",
                                              "dml_0_1v0 insert 4", "dml_1_1v1 insert 4"));
  EXPECT_THAT(copied_, ElementsAre(kHello));
  EXPECT_EQ(takeover_.at(kSecond), (Takeover{FakeLog::IdOf(6), {60}}));
  const SnapshotProgress stored = Stored();
  EXPECT_TRUE(stored.done);
  EXPECT_THAT(stored.segments, ElementsAre(1, 2, 3));
  EXPECT_EQ(stored.takeover, takeover_);
  EXPECT_EQ(Make(&source_)->Statuses().at(0).total_rows, 16) << "after a restart, too";
  EXPECT_THAT(copier_->Statuses(), ElementsAre(AllOf(Field(&SnapshotStatus::done, true),
                                                     Field(&SnapshotStatus::rows, 16),
                                                     Field(&SnapshotStatus::total_rows, 16))));
}

TEST_F(SnapshotCopierTest, HowLateItsRowsMayBeIsStoredWithTheEndOfTheCopy) {
  FakeSnapshotSource::Stored moved = Part(1, 1);
  moved.vchannel = kSecond;
  source_.Add({{kFirst, {.takeover = {FakeLog::IdOf(5), {50}}, .parts = {moved}}},
               {kSecond, {.takeover = {FakeLog::IdOf(6), {60}}}}});
  source_.SetSeenUntil(Timestamp{77});
  Run();
  EXPECT_THAT(consumer_.pushed(), ElementsAre("dml_1_1v1 insert 4"));
  EXPECT_EQ(takeover_.at(kFirst), (Takeover{FakeLog::IdOf(5), {50}, {77}}));
  EXPECT_EQ(takeover_.at(kSecond), (Takeover{FakeLog::IdOf(6), {60}, {77}}));
  EXPECT_EQ(Stored().takeover, takeover_);
}

TEST_F(SnapshotCopierTest, WithoutTheTimeOfItsRowsTheCopyIsNotDone) {
  source_.Add({{kFirst, {.takeover = {FakeLog::IdOf(5), {50}}, .parts = {Part(1, 1)}}}});
  source_.SetSeenUntil(UnavailableError("the source's etcd is away"));
  std::jthread running([this] { Run(); });
  ASSERT_TRUE(Eventually([&] { return conditions_.Current().state == Condition::kRetrying; }));
  EXPECT_FALSE(Stored().done);
  source_.SetSeenUntil(Timestamp{77});
  running.join();
  EXPECT_EQ(takeover_.at(kFirst).seen_until, Timestamp{77});
}

TEST_F(SnapshotCopierTest, WhatMayBeSentIsDurableBefore) {
  source_.Add({{kFirst, {.takeover = {FakeLog::IdOf(5), {50}}, .parts = {Part(1, 1)}}}});
  SnapshotProgress seen;
  consumer_.OnPush([&] { seen = Stored(); });
  Run();
  EXPECT_TRUE(seen.begun);
  EXPECT_EQ(seen.takeover.at(kFirst), (Takeover{FakeLog::IdOf(5), {50}}));
}

TEST_F(SnapshotCopierTest, ARestartedCopyLeavesOutWhatIsDoneAndUpsertsTheRest) {
  ASSERT_TRUE(store_
                  .PutSnapshot("t", {.collection = kHello,
                                     .takeover = {{kFirst, {FakeLog::IdOf(5), {50}}}},
                                     .begun = true,
                                     .segments = {1}})
                  .ok());
  source_.Add(
      {{kFirst, {.takeover = {FakeLog::IdOf(5), {50}}, .parts = {Part(1, 2), Part(2, 1)}}}});
  Run();
  EXPECT_THAT(consumer_.pushed(), ElementsAre("dml_0_1v0 upsert 4"));
  EXPECT_THAT(source_.asked(), ElementsAre(testing::Contains(testing::Key(kFirst))));
  EXPECT_THAT(Stored().segments, ElementsAre(1, 2));
  EXPECT_THAT(copied_, SizeIs(1));
}

TEST_F(SnapshotCopierTest, AFileThatIsGoneIsLookedForAgain) {
  const Takeover at{FakeLog::IdOf(5), {50}};
  source_.Add(
      {{kFirst,
        {.takeover = at, .parts = {Part(1, 1), Part(2, 1, NotFoundError("no file 2/100/7"))}}}});
  source_.Add({{kFirst, {.takeover = at, .parts = {Part(9, 2)}}}});
  Run();
  EXPECT_TRUE(fatal_.ok()) << fatal_.ToString();
  EXPECT_THAT(consumer_.pushed(), ElementsAre("dml_0_1v0 insert 4", "dml_0_1v0 insert 4",
                                              "dml_0_1v0 upsert 4", "dml_0_1v0 upsert 4"));
  EXPECT_EQ(source_.asked().at(1).at(kFirst), at) << "the log takes over where it was to";
  EXPECT_THAT(Stored().segments, ElementsAre(1, 9)) << "part 2 was not read to its end";
  EXPECT_EQ(conditions_.Current().state, Condition::kOk);
}

TEST_F(SnapshotCopierTest, WhatCouldNotBeNotedIsSentAsUpserts) {
  source_.Add({{kFirst, {.takeover = {FakeLog::IdOf(5), {50}}, .parts = {Part(1, 1)}}}});
  consumer_.OnPush([&] {
    if (consumer_.pushed().empty()) {
      store_.FailWith(UnavailableError("the disk is full"));
    }
  });
  std::jthread running([this] { Run(); });
  ASSERT_TRUE(Eventually([&] { return conditions_.Current().state == Condition::kRetrying; }));
  store_.FailWith(OkStatus());
  running.join();
  EXPECT_TRUE(fatal_.ok()) << fatal_.ToString();
  EXPECT_EQ(consumer_.pushed().front(), "dml_0_1v0 insert 4");
  for (size_t i = 1; i < consumer_.pushed().size(); ++i) {
    EXPECT_EQ(consumer_.pushed()[i], "dml_0_1v0 upsert 4");
  }
  EXPECT_TRUE(Stored().done);
}

TEST_F(SnapshotCopierTest, WhatTheTargetHadIsReplacedBeforeTheCopyIsDone) {
  gate_->may_hold_until = {1'000};
  source_.Add({{kFirst, {.takeover = {FakeLog::IdOf(5), {50}}, .parts = {Part(1, 1)}}}});
  keys_.keys = {int64_t{-7}, int64_t{0}, int64_t{1}, int64_t{3}};  // the source has 0, 1, 2 and 4
  bool done = true;
  consumer_.OnPush([&] {
    done = Stored().done;
    if (consumer_.pushed().size() == 1) {  // before the rows
      keys_.keys = {int64_t{9}};           // has come meanwhile, from an earlier call
    }
  });
  Run();
  EXPECT_TRUE(fatal_.ok()) << fatal_.ToString();
  EXPECT_THAT(consumer_.pushed(), ElementsAre("surplus dml_0_1v0 delete 2", "dml_0_1v0 upsert 4",
                                              "surplus dml_0_1v0 delete 1"));
  EXPECT_FALSE(done);
  EXPECT_TRUE(Stored().done);
}

// Those of queries all have the time of the takeover, which is later than the request for the copy
// if others were copied before.
TEST_F(SnapshotCopierTest, WhatTheTargetHadIsReplacedByRowsOfAnyTime) {
  gate_->may_hold_until = {49};
  source_.Add({{kFirst, {.takeover = {FakeLog::IdOf(5), {50}}, .parts = {Part(1, 1)}}}});
  Run();
  EXPECT_THAT(consumer_.pushed(), ElementsAre("dml_0_1v0 upsert 4"));
}

TEST_F(SnapshotCopierTest, WithAFilterNothingIsRemoved) {
  const CopySelection even{.partitions = {"p"}, .filter = "id % 2 == 0"};
  ASSERT_TRUE(store_.PutSnapshot("t", {.collection = kHello, .selection = even}).ok());
  gate_->may_hold_until = {1'000};
  source_.Add(
      {{kFirst, {.takeover = {FakeLog::IdOf(5), {50}}, .parts = {Part(1, 1), Part(2, 1)}}}});
  keys_.keys = {int64_t{-7}};
  Run();
  EXPECT_THAT(consumer_.pushed(), ElementsAre("dml_0_1v0 upsert 4", "dml_0_1v0 upsert 4"));
  EXPECT_THAT(source_.selections(), ElementsAre(even));
  EXPECT_EQ(Stored().selection, even);
  EXPECT_TRUE(Stored().done);
  EXPECT_EQ(copier_->Statuses().at(0).selection, even);
}

TEST_F(SnapshotCopierTest, ATargetThatIsNotLoadedIsWaitedFor) {
  gate_->may_hold_until = {1'000};
  source_.Add({{kFirst, {.takeover = {FakeLog::IdOf(5), {50}}, .parts = {}}}});
  keys_.failure = UnavailableError("load all of it");
  std::jthread running([this] { Run(); });
  ASSERT_TRUE(Eventually([&] { return conditions_.Current().state == Condition::kRetrying; }));
  EXPECT_THAT(conditions_.Current().reason, HasSubstr("load all of it"));
  EXPECT_FALSE(Stored().done);
  stop_.request_stop();
}

TEST_F(SnapshotCopierTest, AQueueThatHasLostTheTakeoverEndsTheTask) {
  log_.Append("dml_0", "a");
  log_.Append("dml_0", "b");
  log_.Expire("dml_0", FakeLog::IdOf(2));
  ASSERT_TRUE(store_
                  .PutSnapshot(
                      "t", {.collection = kHello, .takeover = {{kFirst, {FakeLog::IdOf(1), {50}}}}})
                  .ok());
  source_.Add({{kFirst, {.parts = {Part(1, 1)}}}});
  Run();
  EXPECT_THAT(fatal_.message(), AllOf(HasSubstr("position expired"), HasSubstr("retention")));
  EXPECT_THAT(consumer_.pushed(), IsEmpty());
}

TEST_F(SnapshotCopierTest, ADamagedFileEndsTheTask) {
  source_.Add({{kFirst, {.parts = {Part(1, 1, DataLossError("file 1/100/7: checksum"))}}}});
  Run();
  EXPECT_THAT(fatal_.message(),
              AllOf(HasSubstr("snapshot of default.hello"), HasSubstr("1/100/7")));
  EXPECT_THAT(copied_, IsEmpty());
  EXPECT_FALSE(Stored().done);
  EXPECT_THAT(Stored().segments, IsEmpty());
}

TEST_F(SnapshotCopierTest, WithoutAStorageTheTaskSaysWhatToSet) {
  Make(nullptr)->Run(stop_.get_token());
  EXPECT_THAT(fatal_.message(), HasSubstr("sourceConfig.storage"));
}

TEST_F(SnapshotCopierTest, ADroppedCollectionIsNotCopied) {
  source_.Add({{kFirst, {.parts = {Part(1, 3)}}}});
  consumer_.OnPush([this] { SetSource(ObjectState::kDropping); });
  Run();
  EXPECT_THAT(consumer_.pushed(), SizeIs(1));
  EXPECT_THAT(copied_, IsEmpty());
  EXPECT_TRUE(fatal_.ok());
}

TEST_F(SnapshotCopierTest, AStopLeavesWhatIsNotAcknowledgedToTheNextRun) {
  source_.Add({{kFirst, {.parts = {Part(1, 1)}}}});
  consumer_.Hold();
  std::jthread running([this] { Run(); });
  ASSERT_TRUE(Eventually([&] { return !consumer_.pushed().empty(); }));
  stop_.request_stop();
  running.join();
  EXPECT_THAT(copied_, IsEmpty());
  EXPECT_TRUE(Stored().begun);
  EXPECT_FALSE(Stored().done);
  EXPECT_THAT(Stored().segments, IsEmpty());
}

// While one reader waits for the target, as all do, the others have begun.
TEST_F(SnapshotCopierTest, SeveralReadersAtATime) {
  max_parallel_ = 3;
  source_.Add({{kFirst, {.takeover = {}, .parts = {Part(1, 5), Part(2, 5), Part(3, 5)}}},
               {kSecond, {.takeover = {}, .parts = {Part(4, 5)}}}});
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  consumer_.OnPush([&] {
    most = std::max(most.load(), ++inside);
    Eventually([&] { return most == 3; }, std::chrono::milliseconds(50));
    --inside;
  });
  Run();
  EXPECT_TRUE(fatal_.ok()) << fatal_.ToString();
  EXPECT_EQ(most, 3);
  EXPECT_EQ(consumer_.size(), 20U);
  EXPECT_THAT(Stored().segments, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(copied_, ElementsAre(kHello));
}

TEST_F(SnapshotCopierTest, OneReaderThatFailsEndsAll) {
  max_parallel_ = 2;
  source_.Add({{kFirst, {.takeover = {}, .parts = {Part(1, 1'000)}}},
               {kSecond, {.takeover = {}, .parts = {Part(2, 3, DataLossError("file 2: bad"))}}}});
  consumer_.Hold();  // the first part is never copied
  Run();
  EXPECT_THAT(fatal_.message(), HasSubstr("file 2: bad"));
  EXPECT_THAT(copied_, IsEmpty());
}

TEST_F(SnapshotCopierTest, RowsOfOpenPartsAreProgress) {
  source_.Add({{kFirst, {.takeover = {}, .parts = {Part(1, 3)}}}});
  consumer_.OnPush([&] {
    if (consumer_.size() == 2) {
      consumer_.Hold();
    }
  });
  std::jthread running([this] { Run(); });
  ASSERT_TRUE(Eventually([&] { return consumer_.size() == 3; }));
  ASSERT_TRUE(Eventually([&] { return copier_->Statuses().at(0).rows == 8; }));
  const SnapshotStatus status = copier_->Statuses().at(0);
  EXPECT_EQ(status.total_rows, 12);
  EXPECT_EQ(status.bytes, 80);
  EXPECT_GT(status.rows_per_second, 0);
  EXPECT_GT(status.bytes_per_second, 0);
  EXPECT_TRUE(status.seconds_left.has_value());
  EXPECT_THAT(Stored().segments, IsEmpty());
  consumer_.Release();
  running.join();
  EXPECT_EQ(copier_->Statuses().at(0).rows, 12);
  EXPECT_EQ(copier_->Statuses().at(0).rows_per_second, 0);
}

TEST_F(SnapshotCopierTest, RowsThatWaitAreBounded) {
  const size_t record = FromHex(kInsertHex).size();
  source_.Add({{kFirst, {.parts = {Part(1, 20)}}}});
  consumer_.Hold();
  CollectionCopy copy({.task_id = "t",
                       .source = &source_,
                       .log = &log_,
                       .store = &store_,
                       .consumer = &consumer_,
                       .throttle = &throttle_,
                       .exists = [](CollectionId) { return true; },
                       .gate = [this](CollectionId) { return gate_; },
                       .waiting_bytes = 3 * record},
                      Stored());
  Status copied = UnavailableError("not run");
  std::jthread running(
      [&] { copied = copy.Attempt(*catalog_.Current()->Find(kHello), stop_.get_token()); });
  ASSERT_TRUE(Eventually([&] { return consumer_.pushed().size() == 3; }));
  EXPECT_FALSE(
      Eventually([&] { return consumer_.pushed().size() > 3; }, std::chrono::milliseconds(300)));
  consumer_.Release();
  copy.OnProgress();
  running.join();
  EXPECT_TRUE(copied.ok()) << copied.ToString();
  EXPECT_THAT(consumer_.pushed(), SizeIs(20));
}

}  // namespace
}  // namespace cdc
