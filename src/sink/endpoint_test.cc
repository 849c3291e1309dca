#include "sink/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(EndpointTest, TakesHostPortAndScheme) {
  const auto plain = ParseEndpoint("http://10.0.0.7:19531");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->Address(), "10.0.0.7:19531");
  EXPECT_FALSE(plain->tls);
  EXPECT_EQ(ParseEndpoint("http://milvus")->Address(), "milvus:19530");
  const auto tls = ParseEndpoint("https://in01.example.com/");
  ASSERT_TRUE(tls.ok());
  EXPECT_EQ(tls->Address(), "in01.example.com:443");
  EXPECT_TRUE(tls->tls);
  const auto v6 = ParseEndpoint("http://[::1]:19530");
  ASSERT_TRUE(v6.ok());
  EXPECT_EQ(v6->Address(), "[::1]:19530");
  EXPECT_TRUE(v6->IsLoopback());
}

TEST(EndpointTest, SaysWhatIsWrong) {
  const auto message = [](const char* uri) {
    const auto endpoint = ParseEndpoint(uri);
    EXPECT_EQ(endpoint.status().code(), StatusCode::kInvalidArgument) << uri;
    return endpoint.status().message();
  };
  EXPECT_THAT(message(""), HasSubstr("http://"));
  EXPECT_THAT(message("milvus:19530"), HasSubstr("must begin with http://"));
  EXPECT_THAT(message("http://"), HasSubstr("no host"));
  EXPECT_THAT(message("http://:19530"), HasSubstr("no host"));
  EXPECT_THAT(message("http://a:0"), HasSubstr("port"));
  EXPECT_THAT(message("http://a:99999"), HasSubstr("port"));
  EXPECT_THAT(message("http://a:1x"), HasSubstr("port"));
  EXPECT_THAT(message("http://a:"), HasSubstr("port"));
  EXPECT_THAT(message("http://a/db"), HasSubstr("host and port only"));
  EXPECT_THAT(message("http://[::1"), HasSubstr("bracket"));
  EXPECT_THAT(message("http://root:secret@a"), Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace cdc
