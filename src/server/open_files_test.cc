#include "server/open_files.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace cdc {
namespace {

TEST(OpenFilesTest, TheLimitIsRaisedToWhatIsAllowed) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 128;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  const size_t raised = RaiseOpenFileLimit();
  rlimit now{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &now), 0);
  EXPECT_EQ(now.rlim_cur, raised);
  EXPECT_GT(raised, 128U);
  EXPECT_EQ(now.rlim_max, before.rlim_max);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(OpenFilesTest, MostAreLeftToTheOthers) {
  EXPECT_EQ(ConnectionsFor(65536), 512U);
  EXPECT_EQ(ConnectionsFor(1024), 256U);
  EXPECT_EQ(ConnectionsFor(8), 16U);
}

}  // namespace
}  // namespace cdc
