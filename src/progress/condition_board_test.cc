#include "progress/condition_board.h"

#include <gtest/gtest.h>

namespace cdc {
namespace {

TEST(ConditionBoardTest, AttemptsAreThoseOfOneRowOfErrors) {
  ConditionBoard board;
  EXPECT_EQ(board.Current().attempts, 0);
  board.Set("write a", UnavailableError("down"));
  board.Set("write a", UnavailableError("still down"));
  board.SetWaiting("search on b", UnavailableError("no such index"));
  EXPECT_EQ(board.Current().state, Condition::kRetrying);
  EXPECT_EQ(board.Current().attempts, 2);
  EXPECT_EQ(board.errors(), 2U) << "a problem that waits for somebody is no failed attempt";
  board.Set("write a", OkStatus());
  EXPECT_EQ(board.Current().state, Condition::kWaiting);
  EXPECT_EQ(board.Current().attempts, 1);
  board.Set("write a", UnavailableError("down again"));
  EXPECT_EQ(board.Current().attempts, 1);
}

TEST(ConditionBoardTest, ThatThereIsNothingToDoComesAfterAllElse) {
  ConditionBoard board;
  EXPECT_FALSE(board.Current().idle);
  board.SetIdle("scope: nothing matches");
  const ConditionBoard::View idle = board.Current();
  EXPECT_EQ(idle.state, Condition::kWaiting);
  EXPECT_EQ(idle.reason, "scope: nothing matches");
  EXPECT_TRUE(idle.idle);
  EXPECT_GT(idle.since_unix_ms, 0);
  EXPECT_EQ(idle.attempts, 0);
  board.SetWaiting("drop database", UnavailableError("in use"));
  EXPECT_FALSE(board.Current().idle);
  EXPECT_EQ(board.Current().attempts, 1);
  board.SetWaiting("drop database", OkStatus());
  EXPECT_TRUE(board.Current().idle);
  board.SetIdle("");
  EXPECT_EQ(board.Current().state, Condition::kOk);
}

}  // namespace
}  // namespace cdc
