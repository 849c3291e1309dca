#include "control/delayed_executor.h"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "base/testing/eventually.h"
#include "base/testing/fake_clock.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;

class DelayedExecutorTest : public ::testing::Test {
 protected:
  void Run(milliseconds delay, const std::string& name) {
    executor_.Run(delay, [this, name] {
      MutexLock lock(mutex_);
      ran_.push_back(name);
    });
  }

  std::vector<std::string> ran() {
    MutexLock lock(mutex_);
    return ran_;
  }
  bool WaitForLast(const std::string& name) {
    return Eventually([&] { return !ran().empty() && ran().back() == name; });
  }

  FakeClock clock_;
  Mutex mutex_;
  std::vector<std::string> ran_ CDC_GUARDED_BY(mutex_);
  DelayedExecutor executor_{"test", 1, &clock_};
};

TEST_F(DelayedExecutorTest, RunsWhatIsDueInTheOrderOfItsTime) {
  constexpr milliseconds kNow{0};
  constexpr milliseconds kHour{3'600'000};
  Run(2 * kHour, "second");
  Run(kHour, "first");
  Run(kNow, "at once");
  ASSERT_TRUE(WaitForLast("at once"));
  clock_.Advance(2 * kHour - milliseconds(1));
  Run(kNow, "then");
  ASSERT_TRUE(WaitForLast("then"));
  EXPECT_THAT(ran(), ElementsAre("at once", "first", "then"));
  clock_.Advance(milliseconds(1));
  Run(kNow, "last");
  ASSERT_TRUE(WaitForLast("last"));
  EXPECT_THAT(ran(), ElementsAre("at once", "first", "then", "second", "last"));
}

TEST_F(DelayedExecutorTest, AStopDropsWhatIsNotDue) {
  Run(milliseconds(1), "never");
  executor_.Stop();
  clock_.Advance(milliseconds(1));
  Run(milliseconds(0), "too late");
  EXPECT_THAT(ran(), ElementsAre());
}

}  // namespace
}  // namespace cdc
