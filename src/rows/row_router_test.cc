#include "rows/row_router.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"
#include "feed/testing/fake_feed_source.h"
#include "model/testing/messages.h"
#include "rows/testing/fake_row_consumer.h"
#include "source/testing/fake_source.h"

namespace cdc {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::SizeIs;

constexpr char kDml0[] = "dml_0";
constexpr char kDml1[] = "dml_1";
constexpr char kFlushes[] = "replicate";
constexpr PartitionId kDefaultOne{0};

class RowRouterTest : public ::testing::Test {
 protected:
  RowRouterTest() { spec_.db_collections = {{"default", {{.name = "*"}}}}; }

  static Collection Make(int64_t id,
                         const std::string& name,
                         std::vector<std::string> channels = {kDml0}) {
    Collection collection;
    collection.id = {id};
    collection.database = kDefaultDatabaseId;
    collection.name = name;
    collection.schema.fields = {
        {.id = kTestKey, .name = "id", .type = DataType::kInt64, .is_primary_key = true}};
    collection.created = {5};
    collection.pchannels = std::move(channels);
    collection.partitions = {{.id = kDefaultOne, .name = "_default"}};
    return collection;
  }

  static std::shared_ptr<const Catalog> CatalogOf(const std::vector<Collection>& collections) {
    auto catalog = std::make_shared<Catalog>();
    catalog->databases[kDefaultDatabaseId] =
        std::make_shared<Database>(Database{.id = kDefaultDatabaseId, .name = "default"});
    for (const Collection& collection : collections) {
      catalog->collections[collection.id] = std::make_shared<Collection>(collection);
    }
    return catalog;
  }

  // Makes a router that has begun with these collections in the catalog.
  void Begin(const std::vector<Collection>& collections) {
    scope_ = std::make_unique<Scope>(spec_);
    router_ = std::make_unique<RowRouter>(
        RowRouter::Parts{.catalog = &catalog_,
                         .log = &log_,
                         .feed = &feed_,
                         .scope = scope_.get(),
                         .consumer = &consumer_,
                         .conditions = &conditions_,
                         .replicate_channel = kFlushes,
                         .follows_access = follows_access_,
                         // Queries the router from inside the callback, as a task does.
                         .on_fatal =
                             [this](const Status& status) {
                               fatal_.push_back(status.message());
                               router_->Covered();
                             },
                         .on_collection_failed =
                             [this](CollectionId id, const Status& status) {
                               fatal_.push_back(status.message());
                               failed_collections_.push_back(id);
                             },
                         .on_expired =
                             [this](const std::string& channel, const Status& status) {
                               fatal_.push_back(status.message());
                               expired_.push_back(channel);
                             },
                         .on_renamed_in =
                             [this](CollectionId id, const Status& status) {
                               fatal_.push_back(status.message());
                               renamed_in_.push_back(id);
                             },
                         .on_catalog = [this] { ++catalogs_; },
                         .on_flush =
                             [this](const FlushRequestInfo& flush, std::function<void()> done) {
                               flushes_.emplace_back(flush, std::move(done));
                             },
                         .on_password =
                             [this](const PasswordChange& change, std::function<void()> done) {
                               passwords_.emplace_back(change, std::move(done));
                             }},
        options_, progress_);
    ASSERT_TRUE(router_->Begin({}).ok());
    router_->OnCatalog(CatalogOf(collections));
  }

  static FeedGroup Group(uint64_t resolved, int restart, std::vector<FeedGroup::Rows> rows) {
    return {.resolved = {resolved}, .restart = FakeLog::IdOf(restart), .rows = std::move(rows)};
  }
  // Gives the records the same ids as the fake log.
  static MessagePtr At(int number, const MessagePtr& made) {
    auto message = std::const_pointer_cast<Message>(made);  // just made, and not shared yet
    message->id = FakeLog::IdOf(number);
    message->partition = kDefaultOne;
    return made;
  }
  static MessagePtr Import(int at, uint64_t ts) {
    auto message = std::make_shared<Message>();
    message->id = FakeLog::IdOf(at);
    message->ts = {ts};
    message->collection = {1};
    return message;
  }
  static MessagePtr Insert(int at, uint64_t ts, const std::vector<int64_t>& keys) {
    return At(at, MakeInsert(at, ts, keys));
  }

  ChannelCheckpoint CheckpointOf(const std::string& channel) {
    for (ChannelProgress& each : router_->Checkpoints()) {
      if (each.saved.channel == channel) {
        return each.saved;
      }
    }
    return {};
  }

  FakeClock clock_;
  TaskSpec spec_;
  RowRouter::Options options_{.waiting_bytes = 2U << 20, .clock = &clock_};
  MetaStore::Progress progress_;
  FakeCatalog catalog_;
  FakeLog log_;
  FakeFeedSource feed_;
  FakeRowConsumer consumer_;
  ConditionBoard conditions_;
  std::unique_ptr<Scope> scope_;
  std::vector<std::string> fatal_;
  std::vector<CollectionId> failed_collections_;
  std::vector<CollectionId> renamed_in_;
  std::vector<std::string> expired_;
  int catalogs_ = 0;
  std::vector<std::pair<FlushRequestInfo, std::function<void()>>> flushes_;
  std::vector<std::pair<PasswordChange, std::function<void()>>> passwords_;
  bool follows_access_ = false;
  std::unique_ptr<RowRouter> router_;
};

TEST_F(RowRouterTest, FollowsTheChannelsOfWhatIsCovered) {
  spec_.db_collections = {{"default", {{.name = "a*"}}}};
  Begin({Make(1, "a", {kDml0}), Make(2, "b", {kDml1})});
  EXPECT_THAT(feed_.followed(), ElementsAre(Key(kDml0), Key(kFlushes)));
  EXPECT_TRUE(router_->Follows({1}));
  EXPECT_FALSE(router_->Follows({2}));
  router_->OnCatalog(CatalogOf({Make(1, "a"), Make(2, "b", {kDml1}), Make(3, "ab", {kDml1})}));
  EXPECT_THAT(feed_.followed(), ElementsAre(Key(kDml0), Key(kDml1), Key(kFlushes)));
  EXPECT_EQ(catalogs_, 2);
}

TEST_F(RowRouterTest, ACatalogThatChangesNothingWakesNobody) {
  const auto catalog = CatalogOf({Make(1, "a")});
  Begin({});
  router_->OnCatalog(catalog);
  const int before = catalogs_;
  router_->OnCatalog(catalog);
  EXPECT_EQ(catalogs_, before);
}

TEST_F(RowRouterTest, RowsOfCoveredCollectionsArePushedAndTheirAcknowledgementIsTheCheckpoint) {
  Begin({Make(1, "a")});
  router_->OnGroup(kDml0,
                   Group(20, 3, {{{1}, {Insert(1, 11, {1, 2})}}, {{9}, {Insert(2, 12, {3})}}}));
  ASSERT_THAT(consumer_.pushed(), SizeIs(1));
  EXPECT_EQ(consumer_.pushed()[0].collection, CollectionId{1});
  EXPECT_THAT(consumer_.pushed()[0].rows.keys, ElementsAre(1, 2));
  EXPECT_EQ(CheckpointOf(kDml0).ts, Timestamp{});
  EXPECT_FALSE(router_->HasAppliedTo(kDml0, {20}));
  consumer_.Acknowledge(0);
  EXPECT_EQ(CheckpointOf(kDml0).ts, Timestamp{20});
  EXPECT_EQ(CheckpointOf(kDml0).position, FakeLog::IdOf(3));
  EXPECT_TRUE(router_->HasAppliedTo(kDml0, {20}));
}

TEST_F(RowRouterTest, LateAndUnknownMessagesOfFollowedChannelsAreCounted) {
  Begin({Make(1, "a")});
  FeedGroup group = Group(20, 2, {});
  group.late = 2;
  group.unknown = 3;
  router_->OnGroup(kDml0, group);
  router_->OnGroup(kDml1, group);  // nobody follows it
  EXPECT_EQ(router_->late_messages(), 2U);
  EXPECT_EQ(router_->unknown_messages(), 3U);
  // The count is the task's: it stays when the channel is left.
  router_->OnCatalog(CatalogOf({}));
  router_->Forget({1});
  EXPECT_EQ(router_->late_messages(), 2U);
  EXPECT_EQ(router_->unknown_messages(), 3U);
}

TEST_F(RowRouterTest, RowsOfAPartitionThatIsGoneAreNobodys) {
  Begin({Make(1, "a")});
  const MessagePtr gone = Insert(1, 11, {1});
  std::const_pointer_cast<Message>(gone)->partition = {77};
  router_->OnGroup(kDml0, Group(20, 2, {{{1}, {gone}}}));
  EXPECT_THAT(consumer_.pushed(), IsEmpty());
  EXPECT_EQ(CheckpointOf(kDml0).ts, Timestamp{20});
}

TEST_F(RowRouterTest, WhatTheLastRunMayHaveSentIsUpserted) {
  progress_.channels = {{.channel = kDml0,
                         .position = FakeLog::IdOf(1),
                         .ts = {10},
                         .applied = {FakeLog::IdOf(2)},
                         .horizon = {15}}};
  progress_.collections = {{.id = {1}, .pchannels = {kDml0}, .created = {5}, .skip_until = {}}};
  Begin({Make(1, "a")});
  router_->OnGroup(
      kDml0, Group(20, 5, {{{1}, {Insert(2, 11, {1}), Insert(3, 15, {2}), Insert(4, 16, {3})}}}));
  ASSERT_THAT(consumer_.pushed(), SizeIs(2)) << "record 2 is applied";
  EXPECT_EQ(consumer_.pushed()[0].rows.op, RowOp::kUpsert);
  EXPECT_EQ(consumer_.pushed()[1].rows.op, RowOp::kInsert) << "beyond the horizon";
}

TEST_F(RowRouterTest, RowsFromBeforeALatestStartAreLeftOut) {
  progress_.collections = {
      {.id = {1}, .pchannels = {kDml0}, .created = {5}, .skip_until = {{kDml0, FakeLog::IdOf(1)}}}};
  Begin({Make(1, "a")});
  router_->OnGroup(kDml0, Group(20, 3, {{{1}, {Insert(1, 11, {1}), Insert(2, 12, {2})}}}));
  ASSERT_THAT(consumer_.pushed(), SizeIs(1));
  EXPECT_THAT(consumer_.pushed()[0].rows.keys, ElementsAre(2));
}

TEST_F(RowRouterTest, ACollectionRenamedIntoTheScopeEndsTheTask) {
  spec_.db_collections = {{"default", {{.name = "a*"}}}};
  Begin({Make(1, "a"), Make(2, "b")});
  router_->OnCatalog(CatalogOf({Make(1, "a"), Make(2, "ab")}));
  ASSERT_THAT(fatal_, SizeIs(1));
  EXPECT_THAT(fatal_[0], HasSubstr("collection default.b has been renamed to default.ab"));
  EXPECT_THAT(renamed_in_, ElementsAre(CollectionId{2}));
  EXPECT_THAT(router_->Covered(), ElementsAre(CollectionName{"default", "a"}));
  EXPECT_EQ(router_->Room(kDml0), 0U) << "nothing more is read for it";
  router_->OnGroup(kDml0, Group(20, 2, {{{1}, {Insert(1, 11, {1})}}}));
  EXPECT_THAT(consumer_.pushed(), IsEmpty());
}

TEST_F(RowRouterTest, ACollectionThatIsGoneIsFollowedAndShownUntilItIsForgotten) {
  Begin({Make(1, "a"), Make(2, "b")});
  EXPECT_THAT(router_->vanished(), IsEmpty());
  router_->OnCatalog(CatalogOf({Make(1, "a")}));
  ASSERT_THAT(router_->vanished(), SizeIs(1));
  EXPECT_EQ(router_->vanished()[0].collection->id, CollectionId{2});
  EXPECT_EQ(router_->vanished()[0].name, (CollectionName{"default", "b"}));
  router_->Forget({2});
  EXPECT_THAT(router_->vanished(), IsEmpty());
}

TEST_F(RowRouterTest, AChannelIsLeftWithItsLastCollection) {
  Begin({Make(1, "a"), Make(2, "b")});
  router_->Forget({1});
  EXPECT_THAT(feed_.followed(), ElementsAre(Key(kDml0), Key(kFlushes)));
  router_->OnCatalog(CatalogOf({Make(1, "a"), Make(2, "b")}));
  EXPECT_FALSE(router_->Follows({1})) << "an older catalog does not bring it back";
  router_->Forget({2});
  EXPECT_THAT(feed_.followed(), ElementsAre(Key(kFlushes)));
  EXPECT_TRUE(router_->HasReadTo(kDml0, FakeLog::IdOf(9))) << "nothing of it will come";
  EXPECT_TRUE(conditions_.Current().idle);
}

TEST_F(RowRouterTest, AFullChannelIsReadAgainWhenHalfOfItIsWritten) {
  Begin({Make(1, "a")});
  EXPECT_GT(router_->Room(kDml0), 0U);
  router_->OnRead(kDml0, FakeLog::IdOf(1), 8U << 20);
  EXPECT_GT(router_->Room(kDml0), 0U) << "held rows alone wait for a tick that must be read";
  router_->OnRead(kDml0, FakeLog::IdOf(2), 0);
  // Each record counts with its overhead: enough of them fill the two megabytes.
  std::vector<MessagePtr> messages;
  for (int at = 1; at <= 5'000; ++at) {
    messages.push_back(Insert(at, 11, {at}));
  }
  router_->OnGroup(kDml0, Group(20, 5'001, {{{1}, messages}}));
  EXPECT_EQ(router_->Room(kDml0), 0U);
  for (size_t i = 0; i < 2'000; ++i) {
    consumer_.Acknowledge(i);
  }
  EXPECT_EQ(router_->Room(kDml0), 0U) << "more than half of it waits still";
  for (size_t i = 2'000; i < 4'000; ++i) {
    consumer_.Acknowledge(i);
  }
  EXPECT_GT(router_->Room(kDml0), 0U);
}

TEST_F(RowRouterTest, AnInsertWithoutItsKeyStopsOrIsCounted) {
  for (const OnUndecodable policy : {OnUndecodable::kStop, OnUndecodable::kSkip}) {
    options_.on_undecodable = policy;
    fatal_.clear();
    Begin({Make(1, "a")});
    const MessagePtr broken = Insert(1, 11, {1});
    std::const_pointer_cast<Message>(broken)->columns.clear();
    router_->OnGroup(kDml0, Group(20, 2, {{{1}, {broken}}}));
    if (policy == OnUndecodable::kStop) {
      ASSERT_THAT(fatal_, SizeIs(1));
      EXPECT_THAT(fatal_[0], HasSubstr("an insert without the primary key"));
      EXPECT_THAT(failed_collections_, ElementsAre(CollectionId{1}));
    } else {
      EXPECT_THAT(fatal_, IsEmpty());
      EXPECT_EQ(router_->skipped().records, 1U);
      EXPECT_EQ(CheckpointOf(kDml0).ts, Timestamp{20});
    }
  }
}

TEST_F(RowRouterTest, AnImportEndsItsCollection) {
  Collection a = Make(1, "a");
  a.vchannels = {"dml_0_1v0"};
  FeedGroup group = Group(20, 2, {});
  group.breaks = {Import(1, 11)};
  spec_.db_collections = {{"default", {{.name = "b"}}}};
  Begin({a, Make(2, "b")});
  router_->OnGroup(kDml0, group);
  EXPECT_THAT(fatal_, IsEmpty()) << "the task does not cover it";
  spec_.db_collections = {{"default", {{.name = "*"}}}};
  Begin({a, Make(2, "b")});
  router_->OnGroup(kDml0, group);
  EXPECT_THAT(failed_collections_, ElementsAre(CollectionId{1}));
  EXPECT_THAT(fatal_,
              ElementsAre(AllOf(HasSubstr("channel dml_0: position 1: collection default.a: "),
                                HasSubstr("files are imported"), HasSubstr("task snapshot"))));
  EXPECT_EQ(CheckpointOf(kDml0).ts, Timestamp{0}) << "it is still to be replicated";
}

TEST_F(RowRouterTest, ATruncationEndsItsCollectionOnly) {
  const auto truncation = [](int64_t collection) {
    auto message = std::make_shared<Message>();
    message->type = MessageType::kTruncateCollection;
    message->id = FakeLog::IdOf(1);
    message->ts = {11};
    message->collection = {collection};
    return message;
  };
  Collection a = Make(1, "a");
  a.vchannels = {"dml_0_1v0"};
  spec_.db_collections = {{"default", {{.name = "*"}}}};
  spec_.exclude = {"default.b"};
  Begin({a, Make(2, "b")});
  FeedGroup group = Group(20, 2, {});
  group.breaks = {truncation(2), truncation(3)};
  router_->OnGroup(kDml0, group);
  EXPECT_THAT(fatal_, IsEmpty()) << "the task covers neither";
  EXPECT_EQ(CheckpointOf(kDml0).ts, Timestamp{20});
  group.resolved = {30};
  group.breaks = {truncation(1)};
  router_->OnGroup(kDml0, group);
  EXPECT_THAT(failed_collections_, ElementsAre(CollectionId{1}));
  EXPECT_THAT(fatal_,
              ElementsAre(AllOf(HasSubstr("channel dml_0: position 1: collection default.a: "),
                                HasSubstr("TruncateCollection"), HasSubstr("task snapshot"))));
}

TEST_F(RowRouterTest, ErrorsOfAChannelAreShownOrEndTheTask) {
  Begin({Make(1, "a")});
  router_->OnStatus(kDml0, UnavailableError("broker away"));
  EXPECT_EQ(conditions_.Current().state, Condition::kRetrying);
  router_->OnStatus(kDml0, OkStatus());
  EXPECT_EQ(conditions_.Current().state, Condition::kOk);
  router_->OnStatus(kDml0, Status(StatusCode::kOutOfRange, "expired"));
  EXPECT_THAT(fatal_, ElementsAre(HasSubstr("channel dml_0: expired")));
  EXPECT_THAT(expired_, ElementsAre(kDml0));
}

// ---- Collections that are aside, or behind ---------------------------------------------------

TEST_F(RowRouterTest, ACollectionThatIsSetAsideHasNoRoute) {
  progress_.collections = {{.id = {1}, .pchannels = {kDml0}, .created = {5}, .skip_until = {}}};
  progress_.aside = {{.collection = {1}, .reason = "refused"}};
  Begin({Make(1, "a"), Make(2, "b")});
  EXPECT_FALSE(router_->Follows({1}));
  router_->OnGroup(kDml0, Group(20, 3, {{{1}, {Insert(1, 11, {1})}}, {{2}, {Insert(2, 12, {2})}}}));
  ASSERT_THAT(consumer_.pushed(), SizeIs(1));
  EXPECT_EQ(consumer_.pushed()[0].collection, CollectionId{2});
}

TEST_F(RowRouterTest, ACollectionThatIsCopiedBesideTheOthersHoldsNoneOfThemUp) {
  progress_.collections = {{.id = {1}, .pchannels = {kDml0}, .created = {5}, .skip_until = {}}};
  progress_.snapshots = {{.collection = {1}}};
  progress_.aside = {{.collection = {1}, .reason = ""}};
  Begin({Make(1, "a"), Make(2, "b")});
  EXPECT_TRUE(router_->Follows({1})) << "the reconciler makes it on the target";
  EXPECT_THAT(feed_.followed(), ElementsAre(Key(kDml0), Key(kFlushes)));
  router_->OnGroup(kDml0, Group(20, 3, {{{1}, {Insert(1, 11, {1})}}, {{2}, {Insert(2, 12, {2})}}}));
  ASSERT_THAT(consumer_.pushed(), SizeIs(1));
  EXPECT_EQ(consumer_.pushed()[0].collection, CollectionId{2});
}

TEST_F(RowRouterTest, AChannelThatIsReadAgainGivesEachCollectionWhatItLacks) {
  ChannelCheckpoint again{.channel = kDml0,
                          .position = FakeLog::IdOf(1),
                          .ts = {10},
                          .applied = {FakeLog::IdOf(3), FakeLog::IdOf(7)},
                          .horizon = {}};
  again.replay = {.others = {{30}, {35}}, .collections = {{{1}, {{12}, {50}}}}};
  progress_.channels = {again};
  progress_.collections = {{.id = {1}, .pchannels = {kDml0}, .created = {5}, .skip_until = {}},
                           {.id = {2}, .pchannels = {kDml0}, .created = {5}, .skip_until = {}}};
  Begin({Make(1, "a"), Make(2, "b")});
  EXPECT_EQ(feed_.followed().at(kDml0).position->id, FakeLog::IdOf(1));
  // Record 3 was applied before the collection fell behind, record 7 after that.
  router_->OnGroup(kDml0, Group(60, 9,
                                {{{1},
                                  {Insert(2, 12, {1}), Insert(3, 13, {2}), Insert(6, 50, {3}),
                                   Insert(7, 51, {4}), Insert(8, 52, {5})}}}));
  ASSERT_THAT(consumer_.pushed(), SizeIs(3));
  EXPECT_THAT(consumer_.pushed()[0].rows.keys, ElementsAre(2));
  EXPECT_EQ(consumer_.pushed()[0].rows.op, RowOp::kUpsert);
  EXPECT_THAT(consumer_.pushed()[1].rows.keys, ElementsAre(3));
  EXPECT_EQ(consumer_.pushed()[1].rows.op, RowOp::kUpsert);
  EXPECT_THAT(consumer_.pushed()[2].rows.keys, ElementsAre(5));
  EXPECT_EQ(consumer_.pushed()[2].rows.op, RowOp::kInsert);
  // It stays known until the checkpoint has passed all of it.
  EXPECT_EQ(CheckpointOf(kDml0).replay, again.replay);
  router_->OnGroup(
      kDml0,
      Group(70, 12, {{{2}, {Insert(9, 30, {6}), Insert(10, 33, {7}), Insert(11, 36, {8})}}}));
  ASSERT_THAT(consumer_.pushed(), SizeIs(5));
  EXPECT_THAT(consumer_.pushed()[3].rows.keys, ElementsAre(7));
  EXPECT_EQ(consumer_.pushed()[3].rows.op, RowOp::kUpsert);
  EXPECT_EQ(consumer_.pushed()[4].rows.op, RowOp::kInsert);
  for (size_t i = 0; i < 5; ++i) {
    consumer_.Acknowledge(i);
  }
  EXPECT_EQ(CheckpointOf(kDml0).ts, Timestamp{70});
  EXPECT_EQ(CheckpointOf(kDml0).replay, std::nullopt);
}

TEST_F(RowRouterTest, TheLongestSilenceIsMeasured) {
  Begin({Make(1, "a", {kDml0, kDml1})});
  const std::chrono::milliseconds limit(30'000);
  EXPECT_FALSE(router_->LongestSilence(limit).has_value());
  clock_.Advance(std::chrono::milliseconds(20'000));
  router_->OnGroup(kDml0, Group(20, 1, {}));
  clock_.Advance(std::chrono::milliseconds(10'000));
  const auto silence = router_->LongestSilence(limit);
  ASSERT_TRUE(silence.has_value());
  EXPECT_EQ(silence->channel, kDml1);
  EXPECT_EQ(silence->since_unix_ms, clock_.UnixMs() - 30'000);
}

TEST_F(RowRouterTest, NothingIsTakenAfterAnUncoveredSource) {
  Begin({});
  EXPECT_TRUE(conditions_.Current().idle);
  EXPECT_THAT(conditions_.Current().reason, HasSubstr("no collection of the source matches"));
  router_->OnCatalog(CatalogOf({Make(1, "a")}));
  EXPECT_FALSE(conditions_.Current().idle);
}

// ---- The end of a task ------------------------------------------------------------------------

TEST_F(RowRouterTest, RowsUpToTheEndAreTakenAndNoLaterOnes) {
  options_.stop_at = {25};
  Begin({Make(1, "a")});
  router_->OnGroup(kDml0, Group(20, 3, {{{1}, {Insert(1, 11, {1})}}}));
  router_->OnGroup(kDml0, Group(30, 7, {{{1}, {Insert(4, 25, {2}), Insert(5, 26, {3})}}}));
  router_->OnGroup(kDml0, Group(40, 9, {{{1}, {Insert(8, 35, {4})}}}));
  ASSERT_THAT(consumer_.pushed(), SizeIs(2));
  EXPECT_THAT(consumer_.pushed()[1].rows.keys, ElementsAre(2));
  consumer_.Acknowledge(0);
  consumer_.Acknowledge(1);
  // Whoever goes on needs the rest of the second group.
  EXPECT_EQ(CheckpointOf(kDml0).ts, Timestamp{25});
  EXPECT_EQ(CheckpointOf(kDml0).position, FakeLog::IdOf(3));
  EXPECT_EQ(router_->ChannelStatuses()[0].resolved, Timestamp{25});
}

TEST_F(RowRouterTest, ATickAtTheEndItselfIsTakenWhole) {
  options_.stop_at = {20};
  Begin({Make(1, "a")});
  router_->OnGroup(kDml0, Group(20, 3, {{{1}, {Insert(1, 20, {1})}}}));
  router_->OnGroup(kDml0, Group(30, 4, {{{1}, {Insert(3, 21, {2})}}}));
  ASSERT_THAT(consumer_.pushed(), SizeIs(1));
  consumer_.Acknowledge(0);
  EXPECT_EQ(CheckpointOf(kDml0).ts, Timestamp{20});
  EXPECT_EQ(CheckpointOf(kDml0).position, FakeLog::IdOf(3));
}

TEST_F(RowRouterTest, NothingAfterTheEndFailsATask) {
  options_.stop_at = {20};
  Collection a = Make(1, "a");
  a.vchannels = {"dml_0_1v0"};
  Begin({a});
  FeedGroup last = Group(30, 3, {});
  last.breaks = {Import(2, 21)};
  router_->OnGroup(kDml0, last);
  router_->OnDamaged(kDml0, FakeLog::IdOf(4), CollectionId{1}, DataLossError("damaged"));
  EXPECT_THAT(fatal_, IsEmpty());
}

// A drop may come after the end, and the rows before it.
TEST_F(RowRouterTest, RowsOfAPartitionThatIsGoneAreTakenByATaskWithAnEnd) {
  options_.stop_at = {30};
  Collection a = Make(1, "a");
  a.partitions.push_back({.id = {77}, .name = "p"});
  // Gone before this run began; an earlier one has created it on the target.
  progress_.collections = {
      {.id = {1}, .pchannels = {kDml0}, .created = {5}, .partitions = {{{78}, "q"}}}};
  Begin({a});
  router_->OnCatalog(CatalogOf({Make(1, "a")}));
  for (const int64_t partition : {77, 78, 79}) {
    const MessagePtr row = Insert(1, 11, {partition});
    std::const_pointer_cast<Message>(row)->partition = {partition};
    router_->OnGroup(kDml0, Group(static_cast<uint64_t>(partition - 60), 2, {{{1}, {row}}}));
  }
  ASSERT_THAT(consumer_.pushed(), SizeIs(2));
  EXPECT_THAT(consumer_.pushed()[0].rows.keys, ElementsAre(77));
  EXPECT_THAT(consumer_.pushed()[1].rows.keys, ElementsAre(78));
}

TEST_F(RowRouterTest, ACollectionCreatedAfterTheEndIsNotFollowed) {
  spec_.stop_at = {20};
  options_.stop_at = {20};
  Collection late = Make(2, "late", {kDml1});
  late.created = {21};
  Begin({Make(1, "a"), late});
  EXPECT_TRUE(router_->Follows({1}));
  EXPECT_FALSE(router_->Follows({2}));
}

// ---- After a copy of stored rows -------------------------------------------------------------

class RowRouterCopyTest : public RowRouterTest {
 protected:
  // `a` has a shard in each channel, and is being copied.
  RowRouterCopyTest() {
    a_.vchannels = {"dml_0_1v0", "dml_1_1v1"};
    progress_.collections = {{.id = a_.id, .source = {"default", "a"}, .created = {5}}};
    progress_.snapshots = {{.collection = a_.id}};
  }

  static MessagePtr OfShard(const MessagePtr& message, std::string_view vchannel) {
    std::const_pointer_cast<Message>(message)->vchannel = vchannel;
    return message;
  }

  Collection a_ = Make(1, "a", {kDml0, kDml1});
  const std::map<std::string, Takeover> takeover_ = {{"dml_0_1v0", {FakeLog::IdOf(7), {70}}},
                                                     {"dml_1_1v1", {FakeLog::IdOf(9), {90}}}};
};

TEST_F(RowRouterCopyTest, ItsChannelsAreReadWhenTheCopyIsDone) {
  Begin({a_, Make(2, "b", {kDml1}), Make(3, "c", {"dml_2"})});
  EXPECT_THAT(feed_.followed(), ElementsAre(Key("dml_2"), Key(kFlushes)));
  router_->OnCopied(a_.id, takeover_);
  ASSERT_THAT(feed_.followed(), ElementsAre(Key(kDml0), Key(kDml1), Key("dml_2"), Key(kFlushes)));
  const FeedStart start = feed_.followed().at(kDml0);
  EXPECT_EQ(start.position->id, FakeLog::IdOf(7));
  EXPECT_TRUE(start.position->inclusive);
  EXPECT_EQ(start.resolved, Timestamp{70});
  EXPECT_EQ(CheckpointOf(kDml0).ts, Timestamp{70});
}

TEST_F(RowRouterCopyTest, ItsLogMayBeAppliedMeanwhile) {
  Begin({a_});
  router_->OnLogApplied(a_.id, takeover_);
  EXPECT_EQ(feed_.followed().at(kDml0).position->id, FakeLog::IdOf(7));
  router_->OnGroup(kDml0, Group(80, 9,
                                {{a_.id,
                                  {OfShard(Insert(6, 70, {1}), "dml_0_1v0"),
                                   OfShard(Insert(8, 71, {3}), "dml_0_1v0")}}}));
  ASSERT_THAT(consumer_.pushed(), SizeIs(1));
  EXPECT_EQ(consumer_.pushed()[0].rows.op, RowOp::kInsert);
  router_->OnCopied(a_.id, takeover_);
  EXPECT_THAT(feed_.followed(), ElementsAre(Key(kDml0), Key(kDml1), Key(kFlushes)));
}

TEST_F(RowRouterCopyTest, ARestartGoesOnWithALogThatIsApplied) {
  progress_.snapshots = {
      {.collection = a_.id, .takeover = takeover_, .begun = true, .log = CopyLog::kApplied}};
  progress_.channels = {
      {.channel = kDml0, .position = FakeLog::IdOf(8), .ts = {75}, .applied = {}, .horizon = {}}};
  Begin({a_});
  EXPECT_EQ(feed_.followed().at(kDml0).position->id, FakeLog::IdOf(8));
  EXPECT_EQ(feed_.followed().at(kDml0).resolved, Timestamp{75});
  EXPECT_EQ(feed_.followed().at(kDml1).position->id, FakeLog::IdOf(9));
}

TEST_F(RowRouterCopyTest, RowsThatTheCopyHasAreLeftOut) {
  // The channel is read from an earlier place, where another collection begins.
  Collection b = Make(2, "b", {kDml0});
  b.start_positions[kDml0] = FakeLog::IdOf(1);
  Begin({a_, b});
  router_->OnCopied(a_.id, takeover_);
  EXPECT_EQ(feed_.followed().at(kDml0).position->id, FakeLog::IdOf(1));
  router_->OnGroup(kDml0,
                   Group(80, 9,
                         {{a_.id,
                           {OfShard(Insert(6, 70, {1}), "dml_0_1v0"),
                            OfShard(At(7, MakeDelete(7, 70, std::vector<int64_t>{2})), "dml_0_1v0"),
                            OfShard(Insert(8, 71, {3}), "dml_0_1v0")}},
                          {b.id, {Insert(5, 60, {4})}}}));
  ASSERT_THAT(consumer_.pushed(), SizeIs(2));
  std::vector<uint64_t> keys;
  for (const auto& pushed : consumer_.pushed()) {
    keys.push_back(pushed.rows.keys.at(0));
  }
  EXPECT_THAT(keys, testing::UnorderedElementsAre(3, 4));
}

TEST_F(RowRouterCopyTest, ACopyIncludesTheImportsBeforeIt) {
  Begin({a_});
  router_->OnCopied(a_.id, takeover_);
  FeedGroup before = Group(80, 9, {});
  before.breaks = {Import(8, 70)};
  router_->OnGroup(kDml0, before);
  EXPECT_THAT(fatal_, IsEmpty());
  FeedGroup after = Group(90, 10, {});
  after.breaks = {Import(9, 81)};
  router_->OnGroup(kDml0, after);
  EXPECT_THAT(failed_collections_, ElementsAre(a_.id));
}

TEST_F(RowRouterCopyTest, AnEarlierPlaceWithALaterTimeSkipsNothingOfOthers) {
  Collection b = Make(2, "b", {kDml0});
  b.vchannels = {"dml_0_2v0"};
  progress_.collections.push_back({.id = b.id, .source = {"default", "b"}, .created = {5}});
  progress_.snapshots.push_back({.collection = b.id});
  Begin({a_, b});
  router_->OnCopied(b.id, {{"dml_0_2v0", {FakeLog::IdOf(8), {60}}}});
  EXPECT_FALSE(router_->HasAppliedTo(kDml0, {1})) << "it is not followed yet";
  router_->OnCopied(a_.id, takeover_);
  EXPECT_EQ(feed_.followed().at(kDml0).position->id, FakeLog::IdOf(7));
  EXPECT_EQ(feed_.followed().at(kDml0).resolved, Timestamp{60});
}

TEST_F(RowRouterCopyTest, ARestartKnowsWhatTheCopyHas) {
  progress_.snapshots = {{.collection = a_.id, .takeover = takeover_, .begun = true, .done = true}};
  Begin({a_});
  EXPECT_EQ(feed_.followed().at(kDml1).position->id, FakeLog::IdOf(9));
  router_->OnGroup(kDml1, Group(95, 9,
                                {{a_.id,
                                  {OfShard(Insert(6, 90, {1}), "dml_1_1v1"),
                                   OfShard(Insert(8, 91, {3}), "dml_1_1v1")}}}));
  ASSERT_THAT(consumer_.pushed(), SizeIs(1));
  EXPECT_THAT(consumer_.pushed()[0].rows.keys, ElementsAre(3));
}

TEST_F(RowRouterCopyTest, InsertsThatTheCopyMayHaveAreUpserted) {
  auto seen = takeover_;
  seen.at("dml_1_1v1").seen_until = {92};
  progress_.snapshots = {{.collection = a_.id, .takeover = seen, .begun = true, .done = true}};
  Begin({a_});
  router_->OnGroup(
      kDml1,
      Group(95, 9,
            {{a_.id,
              {OfShard(Insert(6, 92, {1}), "dml_1_1v1"), OfShard(Insert(8, 93, {2}), "dml_1_1v1"),
               OfShard(Insert(9, 91, {3}), "dml_0_1v0")}}}));
  std::map<uint64_t, RowOp> ops;
  for (const auto& pushed : consumer_.pushed()) {
    ops[pushed.rows.keys.at(0)] = pushed.rows.op;
  }
  EXPECT_THAT(ops, ElementsAre(testing::Pair(1, RowOp::kUpsert), testing::Pair(2, RowOp::kInsert),
                               testing::Pair(3, RowOp::kInsert)));
}

TEST_F(RowRouterCopyTest, ADropOfItFreesTheChannelsOfOthers) {
  Begin({a_, Make(2, "b", {kDml1})});
  router_->OnCatalog(CatalogOf({Make(2, "b", {kDml1})}));
  router_->Forget(a_.id);
  EXPECT_THAT(feed_.followed(), ElementsAre(Key(kDml1), Key(kFlushes)));
}

// milvus.CreateCredentialRequest of user "al" with the password "cGFzc3dk".
LogRecord CreateUserRecord(int at) {
  return {.id = FakeLog::IdOf(at),
          .payload = Payload::Own(std::string("\x0a\x05\x08\xdc\x0b\x18\x05\x12\x02"
                                              "al\x1a\x08"
                                              "cGFzc3dk"))};
}

TEST_F(RowRouterTest, APasswordHoldsThePositionUntilItIsDone) {
  follows_access_ = true;
  Begin({});
  router_->OnRecord(kFlushes, CreateUserRecord(3));
  ASSERT_EQ(passwords_.size(), 1u);
  EXPECT_EQ(passwords_[0].first,
            (PasswordChange{.user = "al", .old_password = {}, .password = "cGFzc3dk"}));
  EXPECT_TRUE(CheckpointOf(kFlushes).position.empty());
  passwords_[0].second();
  EXPECT_EQ(CheckpointOf(kFlushes).position, FakeLog::IdOf(3));
}

TEST_F(RowRouterTest, PasswordsOfATaskWithoutUsersAreSkipped) {
  Begin({});
  router_->OnRecord(kFlushes, CreateUserRecord(3));
  EXPECT_THAT(passwords_, IsEmpty());
  EXPECT_EQ(CheckpointOf(kFlushes).position, FakeLog::IdOf(3));
}

TEST_F(RowRouterTest, ADamagedPasswordFailsOnlyTasksWithUsers) {
  // Its password is a number.
  const LogRecord damaged = {
      .id = FakeLog::IdOf(3),
      .payload = Payload::Own(std::string("\x0a\x05\x08\xdc\x0b\x18\x05\x12\x02"
                                          "al\x18\x05"))};
  Begin({});
  router_->OnRecord(kFlushes, damaged);
  EXPECT_EQ(CheckpointOf(kFlushes).position, FakeLog::IdOf(3));
}

}  // namespace
}  // namespace cdc
