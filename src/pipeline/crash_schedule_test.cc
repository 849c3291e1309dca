#include "pipeline/testing/crash_schedule.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

// Checks the property of the whole data path: whatever dies at any moment, the target ends up with
// what the source holds. CRASH_SEEDS=17-17 repeats one schedule, CRASH_SEEDS=0-999999 runs many.
namespace cdc {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint64_t kSchedules = 4'000;
#else
constexpr uint64_t kSchedules = 100'000;
#endif
constexpr uint64_t kParts = 4;

// Returns the first and the last seed of a part.
std::pair<uint64_t, uint64_t> SeedsOf(uint64_t part) {
  uint64_t first = part * (kSchedules / kParts);
  uint64_t last = first + kSchedules / kParts - 1;
  if (const char* seeds = std::getenv("CRASH_SEEDS")) {
    char* end = nullptr;
    const uint64_t from = std::strtoull(seeds, &end, 10);
    const uint64_t to = *end == '-' ? std::strtoull(end + 1, nullptr, 10) : from;
    const uint64_t share = (to - from) / kParts + 1;
    first = from + part * share;
    last = std::min(first + share - 1, to);
  }
  return {first, last};
}

// Turns off logging: so many processes would log too much.
class CrashScheduleFaultTest : public testing::Test {
 protected:
  void SetUp() override { spdlog::set_level(spdlog::level::off); }
  void TearDown() override { spdlog::set_level(level_); }

 private:
  const spdlog::level::level_enum level_ = spdlog::get_level();
};

class CrashScheduleTest : public CrashScheduleFaultTest,
                          public testing::WithParamInterface<uint64_t> {};

TEST_P(CrashScheduleTest, NothingIsLostDoubledOrResurrected) {
  const auto [first, last] = SeedsOf(GetParam());
  CrashScheduleResult sum;
  int faults = 0;
  for (uint64_t seed = first; seed <= last && faults < 5; ++seed) {
    CrashScheduleResult result = RunCrashSchedule(seed, {});
    if (!result.fault.empty()) {
      ++faults;
      ADD_FAILURE() << result.fault << "; again: CRASH_SEEDS=" << seed << "-" << seed;
    }
    sum += result;
  }
  std::printf(
      "seeds %llu-%llu: %llu crashes, %llu stops, %llu saves, %llu zombies, "
      "%llu inserts in doubt, %llu beyond\n",
      static_cast<unsigned long long>(first), static_cast<unsigned long long>(last),
      static_cast<unsigned long long>(sum.crashes), static_cast<unsigned long long>(sum.stops),
      static_cast<unsigned long long>(sum.saves), static_cast<unsigned long long>(sum.zombies),
      static_cast<unsigned long long>(sum.inserts_again),
      static_cast<unsigned long long>(sum.inserts_beyond));
  if (last - first >= 1'000) {
    // The schedules must reach the situations they are meant to test.
    EXPECT_GT(sum.crashes, (last - first) / 2);
    EXPECT_GT(sum.zombies, 0U);
    EXPECT_GT(sum.inserts_again, 0U);
    EXPECT_GT(sum.inserts_beyond, sum.inserts_again);
  }
}

INSTANTIATE_TEST_SUITE_P(Parts, CrashScheduleTest, testing::Range<uint64_t>(0, kParts));

// Shows that the test can fail: returns the first fault found.
std::string FirstFault(const CrashScheduleOptions& options) {
  for (uint64_t seed = 0; seed < 2'000; ++seed) {
    const CrashScheduleResult result = RunCrashSchedule(seed, options);
    if (!result.fault.empty()) {
      std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), result.fault.c_str());
      return result.fault;
    }
  }
  return "";
}

TEST_F(CrashScheduleFaultTest, ForgottenDoubtsAreSeen) {
  EXPECT_NE(FirstFault({.forget_doubts = true}), "");
}

TEST_F(CrashScheduleFaultTest, WantOfGraceIsSeen) {
  EXPECT_NE(FirstFault({.grace = std::chrono::milliseconds(0)}), "");
}

}  // namespace
}  // namespace cdc
