#include "reconcile/collection_claims.h"

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/thread.h"

namespace cdc {
namespace {

TEST(CollectionClaimsTest, OneTaskHoldsACollectionUntilItReleasesIt) {
  CollectionClaims claims;
  EXPECT_EQ(claims.Claim("1@5", "a").holder, std::nullopt);
  EXPECT_EQ(claims.Claim("1@5", "b").holder, "a");
  EXPECT_EQ(claims.Claim("2@5", "b").holder, std::nullopt);
  claims.Release("1@5", "b");  // no claim to release
  EXPECT_EQ(claims.Claim("1@5", "b").holder, "a");
  claims.Release("1@5", "a");
  EXPECT_EQ(claims.Claim("1@5", "b").holder, std::nullopt);
  EXPECT_EQ(claims.Claim("1@5", "a").holder, "b");
}

TEST(CollectionClaimsTest, ATaskMayClaimTwice) {
  CollectionClaims claims;
  EXPECT_EQ(claims.Claim("1@5", "a").holder, std::nullopt);
  EXPECT_EQ(claims.Claim("1@5", "a").holder, std::nullopt);
  claims.Release("1@5", "a");
  EXPECT_EQ(claims.Claim("1@5", "b").holder, "a");
  claims.Release("1@5", "a");
  EXPECT_EQ(claims.Claim("1@5", "b").holder, std::nullopt);
}

TEST(CollectionClaimsTest, ATaskThatEndsReleasesAllClaims) {
  CollectionClaims claims;
  EXPECT_EQ(claims.Claim("1@5", "a").holder, std::nullopt);
  EXPECT_EQ(claims.Claim("1@5", "a").holder, std::nullopt);
  EXPECT_EQ(claims.Claim("2@5", "a").holder, std::nullopt);
  EXPECT_EQ(claims.Claim("3@5", "b").holder, std::nullopt);
  claims.ReleaseAll("a");
  EXPECT_EQ(claims.Claim("1@5", "b").holder, std::nullopt);
  EXPECT_TRUE(claims.Claim("2@5", "b").taken_over);
  EXPECT_EQ(claims.Claim("3@5", "a").holder, "b");
  // A task that comes back has missed what the other one wrote in between.
  claims.ReleaseAll("b");
  EXPECT_FALSE(claims.Claim("3@5", "b").taken_over);
  EXPECT_TRUE(claims.Claim("2@5", "a").taken_over);
}

TEST(CollectionClaimsTest, OfManyThreadsOneWins) {
  CollectionClaims claims;
  std::atomic<int> won = 0;
  {
    std::vector<Thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back("claim", [&claims, &won, i](const std::stop_token&) {
        won += claims.Claim("1@5", std::to_string(i)).holder.has_value() ? 0 : 1;
      });
    }
  }
  EXPECT_EQ(won, 1);
}

}  // namespace
}  // namespace cdc
