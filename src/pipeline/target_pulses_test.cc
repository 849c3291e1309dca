#include "pipeline/target_pulses.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/eventually.h"
#include "base/thread.h"
#include "pipeline/testing/task_pipeline_fixture.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;

class TargetPulsesTest : public testing::Test {
 protected:
  // Records the outcomes that one follower gets. Thread-safe.
  struct Ear {
    Mutex mutex;
    std::vector<Result<std::string>> heard CDC_GUARDED_BY(mutex);

    TargetPulses::OnPulse Listen() {
      return [this](const Result<std::string>& identity) {
        MutexLock lock(mutex);
        heard.push_back(identity);
      };
    }
    size_t count() {
      MutexLock lock(mutex);
      return heard.size();
    }
    Result<std::string> last() {
      MutexLock lock(mutex);
      return heard.empty() ? Result<std::string>(NotFoundError("nothing yet")) : heard.back();
    }
  };

  void Make(milliseconds interval) {
    pulses_ = std::make_unique<TargetPulses>(
        &targets_, TargetPulses::Options{.interval = interval, .timeout = milliseconds(1'000)});
    thread_ = Thread("pulse", [this](const std::stop_token& stop) { pulses_->Run(stop); });
  }

  FakeTarget target_;
  FakeTargetFactory targets_{[this](const TargetOptions& options) -> Result<Target*> {
    if (options.uri.empty()) {
      return InvalidArgumentError("no uri");
    }
    ++made_;
    return &target_;
  }};
  int made_ = 0;  // changed only by Follow, so on one thread
  std::unique_ptr<TargetPulses> pulses_;
  Thread thread_;
};

TEST_F(TargetPulsesTest, EveryFollowerHearsOfDeathAndRecovery) {
  Make(milliseconds(2));
  Ear one;
  Ear two;
  ASSERT_TRUE(pulses_->Follow(&one, {.uri = "http://a"}, one.Listen()).ok());
  ASSERT_TRUE(pulses_->Follow(&two, {.uri = "http://a"}, two.Listen()).ok());
  EXPECT_TRUE(Eventually([&] { return one.last().ok() && two.last().ok(); }));
  EXPECT_EQ(*one.last(), "fake");
  target_.SetPulse(UnavailableError("gone"));
  EXPECT_TRUE(Eventually([&] {
    return one.last().status() == UnavailableError("gone") &&
           two.last().status() == UnavailableError("gone");
  }));
  target_.SetPulse(std::string("fake"));
  EXPECT_TRUE(Eventually([&] { return one.last().ok() && two.last().ok(); }));
  pulses_->Unfollow(&one);
  const size_t heard = one.count();
  const size_t other = two.count();
  EXPECT_TRUE(Eventually([&] { return two.count() > other + 3; }));
  EXPECT_EQ(one.count(), heard);
}

TEST_F(TargetPulsesTest, AThousandTasksOfOneTargetAskOnce) {
  Make(milliseconds(60'000));
  std::vector<std::unique_ptr<Ear>> ears;
  target_.CorkPulse();
  for (int i = 0; i < 1'000; ++i) {
    ears.push_back(std::make_unique<Ear>());
    ASSERT_TRUE(
        pulses_->Follow(ears.back().get(), {.uri = "http://a"}, ears.back()->Listen()).ok());
  }
  EXPECT_TRUE(Eventually([&] { return target_.pulses() == 1; }));
  target_.UncorkPulse();
  EXPECT_TRUE(Eventually([&] {
    return std::all_of(ears.begin(), ears.end(), [](const auto& ear) { return ear->count() == 1; });
  }));
  EXPECT_EQ(target_.pulses(), 1U);
  EXPECT_EQ(made_, 1);
  // Other credentials have a pulse of their own.
  Ear other;
  ASSERT_TRUE(pulses_->Follow(&other, {.uri = "http://a", .token = "t"}, other.Listen()).ok());
  EXPECT_TRUE(Eventually([&] { return other.count() == 1; }));
  EXPECT_EQ(target_.pulses(), 2U);
}

TEST_F(TargetPulsesTest, OneThatIsSilentDoesNotHoldTheOthers) {
  FakeTarget silent;
  silent.CorkPulse();
  FakeTargetFactory targets([&](const TargetOptions& options) -> Result<Target*> {
    return options.uri == "http://silent" ? &silent : &target_;
  });
  TargetPulses pulses(&targets, {.interval = milliseconds(2)});
  const Thread thread("pulse", [&pulses](const std::stop_token& stop) { pulses.Run(stop); });
  Ear one;
  Ear two;
  ASSERT_TRUE(pulses.Follow(&one, {.uri = "http://silent"}, one.Listen()).ok());
  ASSERT_TRUE(pulses.Follow(&two, {.uri = "http://other"}, two.Listen()).ok());
  EXPECT_TRUE(Eventually([&] { return two.count() > 3; }));
  EXPECT_EQ(one.count(), 0U);
  EXPECT_EQ(silent.pulses(), 1U);  // never two at a time
  pulses.Unfollow(&one);
  silent.UncorkPulse();  // nobody follows it any more
  pulses.Unfollow(&two);
}

TEST_F(TargetPulsesTest, AnAnswerForOneThatIsGoneIsNotTakenForItsSuccessor) {
  Make(milliseconds(60'000));
  Ear old;
  Ear fresh;
  target_.CorkPulse();
  ASSERT_TRUE(pulses_->Follow(&old, {.uri = "http://a"}, old.Listen()).ok());
  EXPECT_TRUE(Eventually([&] { return target_.pulses() == 1; }));
  pulses_->Unfollow(&old);
  ASSERT_TRUE(pulses_->Follow(&fresh, {.uri = "http://a"}, fresh.Listen()).ok());
  EXPECT_TRUE(Eventually([&] { return target_.pulses() == 2; }));
  target_.UncorkPulse();
  EXPECT_TRUE(Eventually([&] { return fresh.count() == 1; }));
  EXPECT_EQ(old.count(), 0U);
}

TEST_F(TargetPulsesTest, SaysWhyATargetCannotBeMade) {
  Make(milliseconds(2));
  EXPECT_EQ(pulses_->Follow(this, {}, [](const auto&) {}), InvalidArgumentError("no uri"));
  pulses_->Unfollow(this);
}

}  // namespace
}  // namespace cdc
