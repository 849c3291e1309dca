#include "pipeline/condition_board.h"

#include <gtest/gtest.h>

namespace cdc {
namespace {

TEST(ConditionBoardTest, AttemptsAreThoseOfOneRowOfErrors) {
  ConditionBoard board;
  EXPECT_EQ(board.Current().attempts, 0);
  board.Set("write a", UnavailableError("down"));
  board.Set("write a", UnavailableError("still down"));
  board.SetWaiting("search on b", UnavailableError("no such index"));
  EXPECT_EQ(board.Current().state, "retrying");
  EXPECT_EQ(board.Current().attempts, 2);
  board.Set("write a", OkStatus());
  EXPECT_EQ(board.Current().state, "waiting");
  EXPECT_EQ(board.Current().attempts, 1);
  board.Set("write a", UnavailableError("down again"));
  EXPECT_EQ(board.Current().attempts, 1);
}

}  // namespace
}  // namespace cdc
