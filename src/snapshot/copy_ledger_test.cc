#include "snapshot/copy_ledger.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"
#include "source/testing/fake_snapshot_source.h"

namespace cdc {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr size_t kNoLimit = 1U << 30;

class CopyLedgerTest : public testing::Test {
 protected:
  // Two parts of 100 rows and 1000 bytes, in two shards.
  CopyLedgerTest() {
    source_.Add({{"v0", {.takeover = {}, .parts = {Part(1)}}},
                 {"v1", {.takeover = {}, .parts = {Part(2)}}}});
    plan_ = *source_.Plan({}, {}, {}, {});
    ledger_.Begin(*plan_, {});
  }

  static FakeSnapshotSource::Stored Part(int64_t id) {
    return {.id = id, .payloads = {"", ""}, .rows = 50, .failure = {}};
  }

  FakeClock clock_;
  FakeSnapshotSource source_;
  std::unique_ptr<CollectionSnapshot> plan_;
  const std::shared_ptr<AckTracker> tracker_ =
      std::make_shared<AckTracker>("snapshot", MsgId{}, Timestamp{});
  CopyLedger ledger_{tracker_, &clock_};
};

TEST_F(CopyLedgerTest, RecordsOfTwoPartsMayBeMixed) {
  const auto a = ledger_.Add(1, 40, 400, kNoLimit);
  const auto b = ledger_.Add(2, 50, 500, kNoLimit);
  const auto c = ledger_.Add(1, 40, 400, kNoLimit);
  ledger_.End(1);
  tracker_->Ack(*c);
  EXPECT_THAT(ledger_.Advance(), IsEmpty()) << "its first record is missing";
  tracker_->Ack(*a);
  EXPECT_THAT(ledger_.Advance(), IsEmpty()) << "what is between is missing";
  EXPECT_EQ(ledger_.counts().rows, 40);
  tracker_->Ack(*b);
  EXPECT_THAT(ledger_.Advance(), ElementsAre(1));
  EXPECT_TRUE(ledger_.AllAcknowledged());
  EXPECT_EQ(ledger_.counts().rows, 100 + 50) << "with the deleted rows of part 1";
  EXPECT_EQ(ledger_.counts().bytes, 1'000 + 500);
  EXPECT_EQ(ledger_.counts().total_rows, 200);
  ledger_.End(2);
  EXPECT_THAT(ledger_.Advance(), ElementsAre(2));
  EXPECT_THAT(ledger_.Advance(), IsEmpty()) << "each once";
  EXPECT_EQ(ledger_.counts().rows, 200);
  EXPECT_EQ(ledger_.counts().bytes, 2'000);
}

TEST_F(CopyLedgerTest, APartWithoutLivingRowsIsCopied) {
  ledger_.End(2);
  EXPECT_THAT(ledger_.Advance(), ElementsAre(2));
  EXPECT_EQ(ledger_.counts().rows, 100);
}

TEST_F(CopyLedgerTest, NothingIsAddedAboveTheLimit) {
  const auto first = ledger_.Add(1, 1, 400, 400);
  ASSERT_TRUE(first.has_value());
  EXPECT_FALSE(ledger_.Add(1, 1, 1, 400).has_value());
  tracker_->Ack(*first);
  EXPECT_TRUE(ledger_.Add(1, 1, 1, 400).has_value());
}

TEST_F(CopyLedgerTest, RecordsOfAnEarlierPlanDoNotCount) {
  const auto a = ledger_.Add(1, 50, 400, kNoLimit);
  ledger_.Begin(*plan_, {2});
  EXPECT_EQ(ledger_.counts().rows, 100) << "of what is done";
  const auto b = ledger_.Add(1, 50, 400, kNoLimit);
  tracker_->Ack(*a);
  EXPECT_THAT(ledger_.Advance(), IsEmpty());
  EXPECT_EQ(ledger_.counts().rows, 100);
  tracker_->Ack(*b);
  ledger_.End(1);
  EXPECT_THAT(ledger_.Advance(), ElementsAre(1));
  EXPECT_EQ(ledger_.counts().rows, 200);
}

TEST_F(CopyLedgerTest, TheRateIsOfWhatIsAcknowledged) {
  const auto a = ledger_.Add(1, 50, 400, kNoLimit);
  clock_.Advance(std::chrono::seconds(2));
  ledger_.Advance();
  EXPECT_EQ(ledger_.counts().rate.rows, 0);
  tracker_->Ack(*a);
  ledger_.Advance();
  EXPECT_DOUBLE_EQ(ledger_.counts().rate.rows, 25);
  EXPECT_DOUBLE_EQ(ledger_.counts().rate.bytes, 200);
}

}  // namespace
}  // namespace cdc
