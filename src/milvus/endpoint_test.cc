#include "milvus/endpoint.h"

#include <set>
#include <string>

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
}

TEST(EndpointTest, KnowsThisMachineHoweverItIsWritten) {
  const auto is_loopback = [](const char* uri) { return ParseEndpoint(uri)->IsLoopback(); };
  for (const char* uri :
       {"http://localhost", "http://LocalHost", "http://localhost.", "http://127.0.0.1",
        "http://127.1", "http://127.8.9.10", "http://[::1]", "http://[0:0:0:0:0:0:0:1]",
        "http://[::ffff:127.0.0.1]", "http://[::FFFF:7F00:1]", "http://0.0.0.0", "http://[::]"}) {
    EXPECT_TRUE(is_loopback(uri)) << uri;
  }
  for (const char* uri : {"http://127.example.com", "http://localhost.example", "http://10.0.0.7",
                          "http://[fe80::1]", "http://[::ffff:10.0.0.7]", "http://milvus"}) {
    EXPECT_FALSE(is_loopback(uri)) << uri;
  }
}

std::string Key(const std::string& uri) {
  const auto endpoint = ParseEndpoint(uri);
  EXPECT_TRUE(endpoint.ok()) << endpoint.status().ToString();
  return endpoint.ok() ? endpoint->Key() : "";
}

TEST(EndpointTest, AllWaysToWriteAnAddressHaveOneKey) {
  for (const char* uri :
       {"http://127.0.0.1:19530", "http://127.0.0.1:19530/", "http://127.0.0.1", "HTTP://127.0.0.1",
        "http://localhost", "http://LocalHost:19530/", "http://localhost.", "http://127.1",
        "http://0x7f000001", "http://2130706433", "http://0.0.0.0", "http://[::1]:19530",
        "http://[0:0:0:0:0:0:0:1]", "http://[::]", "http://[::ffff:127.0.0.1]",
        "https://127.0.0.1:19530", "http://localhost:019530"}) {
    EXPECT_EQ(Key(uri), "127.0.0.1:19530") << uri;
  }
  EXPECT_EQ(Key("https://In01.Example.COM./"), "in01.example.com:443");
  EXPECT_EQ(Key("http://in01.example.com:443"), "in01.example.com:443");
  EXPECT_EQ(Key("http://[2001:DB8:0::7]"), "[2001:db8::7]:19530");
  EXPECT_EQ(Key("http://[2001:db8:0:0::7]:19530"), "[2001:db8::7]:19530");
}

TEST(EndpointTest, OtherAddressesHaveOtherKeys) {
  std::set<std::string> keys;
  for (const char* uri :
       {"http://127.0.0.1", "http://127.0.0.1:19531", "https://127.0.0.1", "http://127.0.0.2",
        "http://10.0.0.7", "http://milvus", "http://milvus.example", "http://localhost.example",
        "http://[fe80::1]", "http://[fe80::1%1]"}) {
    EXPECT_TRUE(keys.insert(Key(uri)).second) << uri;
  }
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
