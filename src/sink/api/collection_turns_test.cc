#include "sink/api/collection_turns.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/eventually.h"
#include "base/thread.h"

namespace cdc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CollectionTurnsTest : public ::testing::Test {
 protected:
  void QueueJob(const std::string& text) {
    turns_.Queue(kName, {.start = [this, text] { Note("start " + text); },
                         .cancel = [this, text] { Note("cancel " + text); }});
  }
  void Note(const std::string& text) {
    MutexLock lock(mutex_);
    notes_.push_back(text);
  }
  std::vector<std::string> notes() {
    MutexLock lock(mutex_);
    return notes_;
  }

  const CollectionName kName{"default", "things"};
  const CollectionName kOther{"default", "other"};
  CollectionTurns turns_;
  Mutex mutex_;
  std::vector<std::string> notes_ CDC_GUARDED_BY(mutex_);
};

TEST_F(CollectionTurnsTest, OneAtATimeInOrder) {
  QueueJob("a");
  QueueJob("b");
  QueueJob("c");
  EXPECT_THAT(notes(), ElementsAre("start a"));
  turns_.End(kName);
  EXPECT_THAT(notes(), ElementsAre("start a", "start b"));
  turns_.End(kName);
  turns_.End(kName);
  QueueJob("d");
  EXPECT_THAT(notes(), ElementsAre("start a", "start b", "start c", "start d"));
}

TEST_F(CollectionTurnsTest, CollectionsDoNotWaitForEachOther) {
  QueueJob("a");
  turns_.Queue(kOther, {.start = [this] { Note("other"); }, .cancel = {}});
  EXPECT_THAT(notes(), ElementsAre("start a", "other"));
}

TEST_F(CollectionTurnsTest, ATurnIsHeldUntilItsEnd) {
  {
    const auto turn = turns_.Wait({kName, kOther}, {});
    ASSERT_TRUE(turn.ok());
    QueueJob("a");
    EXPECT_THAT(notes(), IsEmpty());
  }
  EXPECT_THAT(notes(), ElementsAre("start a"));
}

TEST_F(CollectionTurnsTest, CancelledJobsNeverStart) {
  QueueJob("a");
  QueueJob("b");
  turns_.CancelJobs();
  EXPECT_THAT(notes(), ElementsAre("start a", "cancel b"));
  turns_.End(kName);
  EXPECT_THAT(notes(), ElementsAre("start a", "cancel b"));
}

TEST_F(CollectionTurnsTest, CancellingJobsLeavesWaitsAlone) {
  QueueJob("a");
  Thread waiting("waiting", [this](const std::stop_token& stop) {
    Note("asked");
    const auto turn = turns_.Wait({kName}, stop);
    Note(turn.ok() ? "turn" : "no turn");
  });
  ASSERT_TRUE(Eventually([this] { return notes().size() == 2; }));
  turns_.CancelJobs();
  turns_.End(kName);
  EXPECT_TRUE(Eventually([this] { return notes().back() == "turn"; }));
}

TEST_F(CollectionTurnsTest, AStopEndsTheWaitAndPassesTheTurnOn) {
  QueueJob("a");
  std::stop_source stop;
  Thread waiting("waiting", [this, &stop](const std::stop_token&) {
    const auto turn = turns_.Wait({kOther, kName}, stop.get_token());
    Note(turn.status().code() == StatusCode::kCancelled ? "cancelled" : "turn");
  });
  stop.request_stop();
  ASSERT_TRUE(Eventually([this] { return notes().back() == "cancelled"; }));
  QueueJob("b");
  turns_.End(kName);
  EXPECT_EQ(notes().back(), "start b") << "nobody holds the turn of the one that gave up";
  turns_.Queue(kOther, {.start = [this] { Note("other"); }, .cancel = {}});
  EXPECT_EQ(notes().back(), "other") << "a turn that had come is given back";
}

TEST_F(CollectionTurnsTest, ATurnThatIsKeptPassesToNobody) {
  {
    auto turn = turns_.Wait({kName}, {});
    ASSERT_TRUE(turn.ok());
    QueueJob("a");
    turn->Keep();
  }
  QueueJob("b");
  EXPECT_THAT(notes(), IsEmpty());
  turns_.CancelJobs();
  EXPECT_THAT(notes(), ElementsAre("cancel a", "cancel b"));
}

TEST_F(CollectionTurnsTest, AStopThatIsAlreadyRequested) {
  std::stop_source stop;
  stop.request_stop();
  QueueJob("a");
  EXPECT_EQ(turns_.Wait({kName}, stop.get_token()).status().code(), StatusCode::kCancelled);
  turns_.End(kName);
  QueueJob("b");
  EXPECT_EQ(notes().back(), "start b");
}

}  // namespace
}  // namespace cdc
