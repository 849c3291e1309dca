#include "base/status.h"

#include <memory>

#include <gtest/gtest.h>

namespace cdc {
namespace {

Result<int> Half(int n) {
  if (n % 2 != 0) {
    return InvalidArgumentError("odd: " + std::to_string(n));
  }
  return n / 2;
}

Status Quarter(int n, int* out) {
  CDC_ASSIGN_OR_RETURN(const int half, Half(n));
  CDC_ASSIGN_OR_RETURN(*out, Half(half));
  return OkStatus();
}

TEST(StatusTest, SaysCodeAndMessage) {
  EXPECT_EQ(UnavailableError("no route").ToString(), "UNAVAILABLE: no route");
  EXPECT_EQ(OkStatus().ToString(), "OK");
}

TEST(StatusTest, ContextGoesBefore) {
  EXPECT_EQ(NotFoundError("c").WithContext("describe").message(), "describe: c");
  EXPECT_TRUE(OkStatus().WithContext("describe").ok());
}

TEST(StatusTest, MacrosPassValuesAndErrors) {
  int out = 0;
  EXPECT_TRUE(Quarter(8, &out).ok());
  EXPECT_EQ(out, 2);
  EXPECT_EQ(Quarter(6, &out).message(), "odd: 3");
}

TEST(StatusTest, ResultHoldsMoveOnlyValues) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(7));
  const std::unique_ptr<int> value = *std::move(result);
  EXPECT_EQ(*value, 7);
}

TEST(StatusTest, OnlyPassingErrorsAreRetried) {
  EXPECT_TRUE(IsRetryable(UnavailableError("")));
  EXPECT_TRUE(IsRetryable(DeadlineExceededError("")));
  EXPECT_FALSE(IsRetryable(NotFoundError("")));
  EXPECT_FALSE(IsRetryable(OkStatus()));
}

}  // namespace
}  // namespace cdc
