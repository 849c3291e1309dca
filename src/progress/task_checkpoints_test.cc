#include "progress/task_checkpoints.h"

#include <utility>

#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"

namespace cdc {
namespace {

class FakeSource final : public CheckpointSource {
 public:
  std::vector<ChannelProgress> Checkpoints() const override { return channels; }
  uint64_t acknowledged() const override { return 0; }

  std::vector<ChannelProgress> channels;
};

class FakeKeys final : public KeysToSave {
 public:
  std::map<CollectionId, std::string> Unsaved() override { return {{{5}, "keys"}}; }
  void OnSaved() override { ++saved; }
  int saved = 0;
};

class TaskCheckpointsTest : public testing::Test {
 protected:
  FakeClock clock_;
  FakeSource source_;
  ConditionBoard conditions_{&clock_};
  FakeKeys keys_;
  int wakes_ = 0;
  int sent_ = 0;
  SendHorizon horizon_{{.clock = &clock_}, [this] { ++wakes_; }};
  TaskCheckpoints checkpoints_{{.task_id = "t",
                                .source = &source_,
                                .horizon = &horizon_,
                                .conditions = &conditions_,
                                .keys = &keys_,
                                .on_horizon = [this] { ++sent_; },
                                .clock = &clock_}};
};

// The lane of a new channel may want a horizon before the channel is among the checkpoints.
TEST_F(TaskCheckpointsTest, AWishOfANewChannelIsNotForgottenWhileThereIsNothingToSave) {
  const Timestamp row = Timestamp::FromUnixMs(clock_.UnixMs());
  EXPECT_EQ(horizon_.Reach("new", row), Timestamp{});
  EXPECT_EQ(wakes_, 1);
  EXPECT_TRUE(checkpoints_.CollectCheckpoints().empty());
  EXPECT_TRUE(horizon_.wanted());
  ChannelProgress progress;
  progress.saved.channel = "new";
  source_.channels = {progress};
  ASSERT_EQ(checkpoints_.CollectCheckpoints().size(), 1U);
  checkpoints_.OnSaved(OkStatus());
  EXPECT_EQ(sent_, 1);
  EXPECT_GT(horizon_.Reach("new", row), row);
}

TEST_F(TaskCheckpointsTest, KeysAreSavedOnceWithTheCheckpoints) {
  for (const char* channel : {"a", "b"}) {
    ChannelProgress progress;
    progress.saved.channel = channel;
    progress.saved.ts = {5};
    source_.channels.push_back(progress);
  }
  const auto checkpoints = checkpoints_.CollectCheckpoints();
  ASSERT_EQ(checkpoints.size(), 2U);
  EXPECT_EQ(checkpoints[0].log_keys.at({5}), "keys");
  EXPECT_TRUE(checkpoints[1].log_keys.empty());
  checkpoints_.OnSaved(UnavailableError("disk full"));
  EXPECT_EQ(keys_.saved, 0);
  checkpoints_.OnSaved(OkStatus());
  EXPECT_EQ(keys_.saved, 1);
  EXPECT_EQ(checkpoints_.FinalCheckpoints(false).at(0).log_keys.size(), 1U);
}

// What a round has offered and not saved must not become durable with a later save.
TEST_F(TaskCheckpointsTest, AHorizonThatWasNotSavedStaysUnusable) {
  ChannelProgress idle;
  idle.saved.channel = "idle";
  source_.channels = {idle};
  EXPECT_TRUE(checkpoints_.CollectCheckpoints().empty());
  const Timestamp row = Timestamp::FromUnixMs(clock_.UnixMs());
  EXPECT_EQ(horizon_.Reach("other", row), Timestamp{});
  ChannelProgress other;
  other.saved.channel = "other";
  source_.channels = {other};
  ASSERT_EQ(checkpoints_.CollectCheckpoints().size(), 1U);
  checkpoints_.OnSaved(OkStatus());
  EXPECT_EQ(horizon_.Durable("idle"), Timestamp{});
  EXPECT_GT(horizon_.Durable("other"), row);
}

}  // namespace
}  // namespace cdc
