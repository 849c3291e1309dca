#include "sink/dry_target.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sink/testing/fake_target.h"
#include "sink/testing/target_contract.h"

namespace cdc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class DryTargetTest : public ::testing::Test {
 protected:
  DryTargetTest() {
    auto fake = std::make_unique<FakeTarget>();
    real_ = fake.get();
    EXPECT_TRUE(real_->Apply(CreateDatabase{"db"}).ok());
    EXPECT_TRUE(real_->Apply(CreateCollection{.name = name_, .schema = {}}).ok());
    changes_ = real_->ddl();
    target_ = NewDryTarget(std::move(fake), {.task_id = "t"});
  }

  void Apply(const Ddl& ddl) {
    const Status status = target_->metadata().Apply(ddl, {});
    EXPECT_TRUE(status.ok()) << Describe(ddl) << ": " << status.ToString();
  }
  std::optional<TargetCollection> Look(const CollectionName& name) {
    auto found = target_->metadata().catalog()->DescribeCollection(name, {});
    EXPECT_TRUE(found.ok()) << found.status().ToString();
    return found.ok() ? *std::move(found) : std::nullopt;
  }
  std::vector<std::string> Databases() { return *target_->metadata().catalog()->ListDatabases({}); }

  const CollectionName name_{"db", "c"};
  FakeTarget* real_ = nullptr;
  std::vector<Ddl> changes_;  // of the real target
  std::unique_ptr<Target> target_;
};

TEST_F(DryTargetTest, BehavesLikeATargetAndChangesNothing) {
  TargetContract{target_.get(), "contract"}.Run();
  EXPECT_EQ(real_->ddl(), changes_);
  EXPECT_THAT(*real_->ListDatabases(), UnorderedElementsAre("db", kDefaultDatabase));
}

TEST_F(DryTargetTest, ChangesAreOnTopOfWhatIsThere) {
  Apply(CreatePartition{name_, "p"});
  EXPECT_THAT(Look(name_)->partitions, ElementsAre("_default", "p"));
  EXPECT_EQ(Look(name_)->identity, (*real_->DescribeCollection(name_))->identity);
  EXPECT_THAT((*real_->DescribeCollection(name_))->partitions, ElementsAre("_default"));
  Apply(RenameCollection{.from = name_, .to = {"db", "d"}});
  EXPECT_FALSE(Look(name_).has_value());
  EXPECT_TRUE(Look({"db", "d"}).has_value());
  Apply(DropCollection{{"db", "d"}});
  EXPECT_FALSE(Look({"db", "d"}).has_value());
  EXPECT_EQ(real_->ddl(), changes_);
}

TEST_F(DryTargetTest, WhatOthersMakeIsSeenUntilItIsChangedHere) {
  const CollectionName other{"db", "other"};
  EXPECT_FALSE(Look(other).has_value());
  EXPECT_TRUE(real_->Apply(CreateCollection{.name = other, .schema = {}}).ok());
  EXPECT_TRUE(Look(other).has_value());
  Apply(DropCollection{other});
  EXPECT_FALSE(Look(other).has_value());
}

TEST_F(DryTargetTest, ADatabaseThatIsDroppedTakesEverythingAlong) {
  Apply(DropCollection{name_});
  Apply(DropDatabase{"db"});
  EXPECT_THAT(Databases(), ElementsAre(kDefaultDatabase));
  EXPECT_FALSE(Look(name_).has_value());
  Apply(CreateDatabase{"db"});
  EXPECT_THAT(Databases(), UnorderedElementsAre("db", kDefaultDatabase));
  EXPECT_FALSE(Look(name_).has_value()) << "what is really there is another one";
  Apply(CreateCollection{.name = name_, .schema = {}});
  EXPECT_NE(Look(name_)->identity, (*real_->DescribeCollection(name_))->identity);
}

TEST_F(DryTargetTest, RowsAreAcknowledgedAndNotWritten) {
  int done = 0;
  for (const RowOp op : {RowOp::kInsert, RowOp::kUpsert, RowOp::kDelete}) {
    RowBatch batch;
    batch.op = op;
    batch.target = name_;
    batch.rows = 3;
    target_->rows().Write(batch, [&done](const WriteResult& result) {
      EXPECT_TRUE(result.status.ok());
      ++done;
    });
  }
  EXPECT_EQ(done, 3);
  EXPECT_THAT(real_->batches(), IsEmpty());
}

TEST(DryStandbyTest, HasTheTraitsOfAStandby) {
  const auto target =
      NewDryTarget(std::make_unique<FakeTarget>(), {.task_id = "t", .is_standby = true});
  const auto connected = target->metadata().Connect(std::chrono::seconds(1), {});
  ASSERT_TRUE(connected.ok());
  EXPECT_TRUE(connected->traits.keeps_auto_id);
  EXPECT_TRUE(connected->traits.same_shards);
}

}  // namespace
}  // namespace cdc
