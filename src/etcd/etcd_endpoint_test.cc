#include "etcd/etcd_endpoint.h"

#include <gtest/gtest.h>

#include "etcd/etcd_client.h"

namespace cdc {
namespace {

TEST(EtcdEndpoint, ReadsAddressAndScheme) {
  const struct {
    const char* text;
    bool default_tls;
    const char* shown;
  } cases[] = {
      {"localhost:2379", false, "http://localhost:2379"},
      {"localhost:2379", true, "https://localhost:2379"},
      {"http://10.0.0.1:2379/", true, "http://10.0.0.1:2379"},
      {"https://etcd.example:4001", false, "https://etcd.example:4001"},
      {"etcd", false, "http://etcd:2379"},
      {"[::1]:99", false, "http://[::1]:99"},
      {"[::1]", false, "http://[::1]:2379"},
  };
  for (const auto& each : cases) {
    const auto endpoint = ParseEtcdEndpoint(each.text, each.default_tls);
    ASSERT_TRUE(endpoint.ok()) << each.text << " " << endpoint.status().ToString();
    EXPECT_EQ(endpoint->ToString(), each.shown);
  }
}

TEST(EtcdEndpoint, RefusesWhatIsNotOne) {
  for (const char* text : {"", "http://", ":2379", "host:", "host:port", "host:70000", "ftp://x:1",
                           "http://host:1/path", "::1", "http://u:secret@host:1"}) {
    const auto endpoint = ParseEtcdEndpoint(text, false);
    ASSERT_FALSE(endpoint.ok()) << text;
    EXPECT_EQ(endpoint.status().code(), StatusCode::kInvalidArgument) << text;
    EXPECT_EQ(endpoint.status().message().find("secret"), std::string::npos);
  }
}

TEST(PrefixRange, EndsAfterTheLastKeyOfThePrefix) {
  EXPECT_EQ(PrefixRange("a/").begin, "a/");
  EXPECT_EQ(PrefixRange("a/").end, "a0");
  EXPECT_EQ(PrefixRange("a\xff").end, "b");
  EXPECT_EQ(PrefixRange("\xff").end, std::string(1, '\0'));
  EXPECT_EQ(PrefixRange("").begin, std::string(1, '\0'));
  EXPECT_EQ(PrefixRange("").end, std::string(1, '\0'));
}

TEST(NewEtcdClient, RefusesBadOptions) {
  const auto code = [](const EtcdOptions& options) {
    return NewEtcdClient(options).status().code();
  };
  EXPECT_EQ(code({.endpoints = {}}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.endpoints = {"host:"}}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.endpoints = {"host:1"}, .ca_file = "/nonexistent/ca.pem"}),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.endpoints = {"host:1"}, .cert_file = "/nonexistent/cert.pem"}),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.endpoints = {"host:1", "http://other:2"}}), StatusCode::kOk);
}

}  // namespace
}  // namespace cdc
