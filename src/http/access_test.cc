#include "http/access.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace cdc {
namespace {

HttpRequest With(const std::vector<std::string>& authorizations) {
  HttpRequest request;
  for (const std::string& value : authorizations) {
    request.headers.push_back({"authorization", value});
  }
  return request;
}

TEST(BearerTokensTest, AnyOfThemOpens) {
  const BearerTokens tokens({"new", "old"});
  for (const char* value : {"Bearer new", "bearer old", "BEARER   new"}) {
    EXPECT_TRUE(tokens.Admit(With({value}))) << value;
  }
}

TEST(BearerTokensTest, NothingElseDoes) {
  const BearerTokens tokens({"new", "old"});
  for (const char* value : {"", "Bearer", "Bearer ", "Bearer ne", "Bearer newer", "Bearer NEW",
                            "Bearer new,old", "Bearer new old", "Basic new", "new", "Bearernew"}) {
    EXPECT_FALSE(tokens.Admit(With({value}))) << value;
  }
  EXPECT_FALSE(tokens.Admit(HttpRequest()));
  EXPECT_FALSE(tokens.Admit(With({"Bearer new", "Bearer new"}))) << "which one counts?";
}

TEST(BearerTokensTest, WithoutTokensAllMayPass) {
  EXPECT_TRUE(BearerTokens({}).Admit(HttpRequest()));
  EXPECT_TRUE(BearerTokens({}).Admit(With({"Bearer x"})));
}

TEST(BearerTokensTest, WhatCanBeSent) {
  EXPECT_TRUE(BearerTokens::IsValid("aZ09-._~+/="));
  for (const char* text : {"", "a b", "a,b", "\xc3\xa4", "a\n"}) {
    EXPECT_FALSE(BearerTokens::IsValid(text)) << text;
  }
}

}  // namespace
}  // namespace cdc
