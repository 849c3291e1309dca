#include "metastore/mysql/mysql_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

MysqlUrl Parse(const std::string& url) {
  Result<MysqlUrl> parsed = ParseMysqlUrl(url);
  EXPECT_TRUE(parsed.ok()) << parsed.status().ToString();
  return parsed.ok() ? *std::move(parsed) : MysqlUrl{};
}

TEST(MysqlUrlTest, HasUserPasswordHostPortAndDatabase) {
  const MysqlUrl url = Parse("root:root@tcp(10.0.0.1:3307)/milvuscdc?charset=utf8");
  EXPECT_EQ(url.options.user, "root");
  EXPECT_EQ(url.options.password, "root");
  EXPECT_EQ(url.options.host, "10.0.0.1");
  EXPECT_EQ(url.options.port, 3307);
  EXPECT_EQ(url.options.socket, "");
  EXPECT_EQ(url.options.database, "milvuscdc");
  EXPECT_EQ(url.options.tls, MysqlOptions::Tls::kOff);
  EXPECT_THAT(url.ignored, IsEmpty());
}

TEST(MysqlUrlTest, APasswordMayHoldAnything) {
  EXPECT_EQ(Parse("u:a:b@c/d?e)(@tcp(h:1)/db").options.password, "a:b@c/d?e)(");
  EXPECT_EQ(Parse("u:a?/b@/db").options.password, "a?/b");
}

TEST(MysqlUrlTest, WhatIsLeftOutHasDefaults) {
  const MysqlUrl url = Parse("/db");
  EXPECT_EQ(url.options.user, "");
  EXPECT_EQ(url.options.host, "127.0.0.1");
  EXPECT_EQ(url.options.port, 3306);
  EXPECT_EQ(Parse("u@tcp/db").options.host, "127.0.0.1");
  EXPECT_EQ(Parse("u@tcp(h)/db").options.port, 3306);
}

TEST(MysqlUrlTest, ASocketAndAnIpv6Address) {
  EXPECT_EQ(Parse("u@unix(/run/mysqld/mysqld.sock)/db").options.socket, "/run/mysqld/mysqld.sock");
  EXPECT_EQ(Parse("u@tcp([::1]:3308)/db").options.host, "::1");
  EXPECT_EQ(Parse("u@tcp([::1]:3308)/db").options.port, 3308);
  EXPECT_EQ(Parse("u@tcp([::1])/db").options.host, "::1");
}

TEST(MysqlUrlTest, Tls) {
  EXPECT_EQ(Parse("u@tcp(h)/db?tls=true").options.tls, MysqlOptions::Tls::kVerified);
  EXPECT_EQ(Parse("u@tcp(h)/db?tls=skip-verify").options.tls, MysqlOptions::Tls::kUnverified);
  EXPECT_EQ(Parse("u@tcp(h)/db?a=1&tls=false").options.tls, MysqlOptions::Tls::kOff);
}

TEST(MysqlUrlTest, NamesParametersWithoutEffect) {
  EXPECT_THAT(Parse("u@tcp(h)/db?loc=UTC&serverPubKey=k&x").ignored,
              ElementsAre("serverPubKey", "x"));
}

TEST(MysqlUrlTest, WhatIsMalformedIsSaidWithoutThePassword) {
  for (const char* url :
       {"", "u:secret@tcp(h)", "u:secret@tcp(h)/", "u:secret@tcp(h:0)/db", "u:secret@tcp(h:x)/db",
        "u:secret@tcp(:1)/db", "u:secret@udp(h)/db", "u:secret@unix()/db", "u:secret@tcp(h/db",
        "u:secret@tcp(h)/db?tls=maybe"}) {
    const Status status = ParseMysqlUrl(url).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << url;
    EXPECT_THAT(status.message(), HasSubstr("user:password@tcp(host:port)/database")) << url;
    EXPECT_THAT(status.message(), Not(HasSubstr("secret"))) << url;
  }
}

}  // namespace
}  // namespace cdc
