#include "base/base64.h"

#include <gtest/gtest.h>

namespace cdc {
namespace {

TEST(Base64Test, ThereAndBack) {
  // RFC 4648, 10.
  const std::pair<const char*, const char*> known[] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : known) {
    EXPECT_EQ(EncodeBase64(bytes), text);
    EXPECT_EQ(DecodeBase64(text), bytes);
  }
  const std::string all("\0\xff\x7f\x80\n", 5);
  EXPECT_EQ(DecodeBase64(EncodeBase64(all)), all);
}

TEST(Base64Test, OtherTextIsRefused) {
  for (const char* text :
       {"Zg", "Zg=", "Zm9v Zm9", " Zm9v", "Zm9v\n", "Zm-_", "Zg==Zg==", "===="}) {
    EXPECT_EQ(DecodeBase64(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace cdc
