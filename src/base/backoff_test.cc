#include "base/backoff.h"

#include <gtest/gtest.h>

namespace cdc {
namespace {

using std::chrono::milliseconds;

TEST(BackoffTest, DoublesWithJitterUpToTheMaximum) {
  Backoff backoff({.initial = milliseconds(100), .max = milliseconds(500)}, 1);
  for (const int full : {100, 200, 400, 500, 500}) {
    const milliseconds delay = backoff.Next();
    EXPECT_GE(delay, milliseconds(full / 2));
    EXPECT_LE(delay, milliseconds(full));
  }
  EXPECT_EQ(backoff.attempts(), 5);
  backoff.Reset();
  EXPECT_LE(backoff.Next(), milliseconds(100));
}

}  // namespace
}  // namespace cdc
