#include "sink/guarded_target.h"

#include <memory>
#include <utility>

#include <gtest/gtest.h>

#include "sink/testing/fake_target.h"

namespace cdc {
namespace {

class GuardedTargetTest : public ::testing::Test {
 protected:
  GuardedTargetTest() {
    auto fake = std::make_unique<FakeTarget>();
    fake_ = fake.get();
    target_ = NewGuardedTarget(std::move(fake), [this] { return allowed_; });
  }

  WriteResult Write() {
    RowBatch batch;
    batch.target = {kDefaultDatabase, "c"};
    batch.rows = 1;
    WriteResult result;
    target_->rows().Write(batch, [&result](const WriteResult& done) { result = done; });
    return result;
  }

  Status allowed_;
  FakeTarget* fake_ = nullptr;
  std::unique_ptr<Target> target_;
};

TEST_F(GuardedTargetTest, IsTheTargetWhileItMayBeWritten) {
  EXPECT_TRUE(target_->metadata().Apply(CreateDatabase{"d"}, {}).ok());
  fake_->CheckNames(false);
  EXPECT_TRUE(Write().status.ok());
  EXPECT_EQ(target_->access(), nullptr);
}

TEST_F(GuardedTargetTest, NothingIsSentWhileItMayNot) {
  fake_->CheckNames(false);
  allowed_ = FailedPreconditionError("taken over");
  const WriteResult result = Write();
  EXPECT_EQ(result.status, UnavailableError("taken over"));
  EXPECT_FALSE(result.in_doubt);
  EXPECT_EQ(target_->metadata().Apply(CreateDatabase{"d"}, {}), UnavailableError("taken over"));
  EXPECT_TRUE(fake_->batches().empty());
  EXPECT_TRUE(fake_->ddl().empty());
  allowed_ = OkStatus();
  EXPECT_TRUE(Write().status.ok());
}

}  // namespace
}  // namespace cdc
