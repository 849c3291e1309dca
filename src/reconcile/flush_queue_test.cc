#include "reconcile/flush_queue.h"

#include <gtest/gtest.h>

#include "reconcile/testing/reconcile_fixture.h"

namespace cdc {
namespace {

class FlushQueueTest : public ReconcileTest {
 protected:
  FlushQueueTest()
      : view_(&target_,
              {.log_name = "t", .expected_identity = "", .on_connected = [](const auto&) {}}),
        queue_(&view_, &routes_, &clock_, {}) {
    SetSource({SmallCollection(1, "a"), SmallCollection(2, "b")});
    for (const char* name : {"a", "b"}) {
      CreateCollection create{
          .name = {"default", name}, .schema = SmallCollection(1, name).schema, .properties = {}};
      EXPECT_TRUE(target_.Apply(create).ok());
    }
    made_ = Ddls().size();
  }

  void Add(std::vector<std::string> names, uint64_t ts) {
    queue_.Add({.database = "default", .collections = std::move(names), .ts = {ts}},
               *catalog_.Current(), [this] { ++done_; });
  }

  Status Flush() {
    return queue_.Flush([this](CollectionId id) -> std::optional<FlushQueue::Place> {
      if (id == dropped_) {
        return std::nullopt;
      }
      return FlushQueue::Place{
          .ready = ready_, .target = {"default", id.value == 1 ? "a" : "b"}, .pchannels = {kDml}};
    });
  }

  size_t Calls() const { return Ddls().size() - made_; }

  TargetView view_;
  FlushQueue queue_;
  CollectionId dropped_{};
  bool ready_ = true;
  int done_ = 0;
  size_t made_ = 0;
};

TEST_F(FlushQueueTest, ARequestIsDoneAfterItsLastCollection) {
  Add({"a", "b"}, 5);
  EXPECT_FALSE(queue_.empty());
  EXPECT_TRUE(Flush().ok());
  EXPECT_EQ(Calls(), 2U);
  EXPECT_EQ(done_, 1);
  EXPECT_TRUE(queue_.empty());
}

TEST_F(FlushQueueTest, OneCallServesSeveralRequests) {
  Add({"a"}, 5);
  Add({"a"}, 6);
  EXPECT_TRUE(Flush().ok());
  EXPECT_EQ(Calls(), 1U);
  EXPECT_EQ(done_, 2);
}

TEST_F(FlushQueueTest, WaitsForTheRowsBeforeIt) {
  routes_.SetApplied(kDml, {4});
  Add({"a"}, 5);
  EXPECT_TRUE(Flush().ok());
  EXPECT_EQ(Calls(), 0U);
  EXPECT_TRUE(queue_.due().has_value());
  routes_.SetApplied(kDml, {5});
  ready_ = false;  // it is being renamed
  EXPECT_TRUE(Flush().ok());
  EXPECT_EQ(Calls(), 0U);
  ready_ = true;
  EXPECT_TRUE(Flush().ok());
  EXPECT_EQ(Calls(), 1U);
  EXPECT_EQ(done_, 1);
}

TEST_F(FlushQueueTest, UnknownAndDroppedCollectionsCountAsDone) {
  Add({"nobody"}, 5);
  EXPECT_EQ(done_, 1);
  EXPECT_TRUE(queue_.empty());
  Add({"a"}, 5);
  dropped_ = {1};
  EXPECT_TRUE(Flush().ok());
  EXPECT_EQ(Calls(), 0U);
  EXPECT_EQ(done_, 2);
}

TEST_F(FlushQueueTest, AFailureIsRetriedAfterBackOff) {
  Add({"a", "b"}, 5);
  target_.FailNextDdl(UnavailableError("busy"));
  EXPECT_EQ(Flush().code(), StatusCode::kUnavailable);
  EXPECT_EQ(Calls(), 1U);  // only the other collection's call succeeded
  EXPECT_EQ(done_, 0);
  EXPECT_EQ(Flush().code(), StatusCode::kUnavailable);  // not yet due
  EXPECT_EQ(Calls(), 1U);
  clock_.Advance(std::chrono::seconds(1));
  EXPECT_TRUE(Flush().ok());
  EXPECT_EQ(Calls(), 2U);
  EXPECT_EQ(done_, 1);
}

}  // namespace
}  // namespace cdc
