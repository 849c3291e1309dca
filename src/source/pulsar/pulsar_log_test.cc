#include "source/pulsar/pulsar_log.h"

#include <string>
#include <vector>

#include "base/testing/source_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "source/pulsar/pulsar_id.h"
#include "source/pulsar/pulsar_settings.h"

namespace cdc {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

MsgId Bytes(std::vector<unsigned char> bytes) { return {std::string(bytes.begin(), bytes.end())}; }

TEST(PulsarIdTest, TheBytesAreThoseOfMilvus) {
  EXPECT_EQ(EncodePulsarId({.ledger = 1, .entry = 0}), Bytes({0x08, 1, 0x10, 0, 0x18, 0, 0x20, 0}));
  EXPECT_EQ(EncodePulsarId({.ledger = 300, .entry = 7, .batch_index = 2}),
            Bytes({0x08, 0xac, 0x02, 0x10, 7, 0x18, 0, 0x20, 2}));
}

// What the Go client, the C++ client and others write for the same record.
TEST(PulsarIdTest, FormsOfTheSameIdAreEqual) {
  const PulsarId id{.ledger = 1, .entry = 0};
  for (const MsgId& form : {
           Bytes({0x08, 1, 0x10, 0}),                    // libpulsar, not batched
           Bytes({0x08, 1, 0x10, 0, 0x18, 0, 0x20, 0}),  // Milvus 2.3
           Bytes({0x08, 1, 0x10, 0, 0x20, 0, 0x30, 1}),  // batch_size
           Bytes({0x08, 1,    0x10, 0,    0x18, 0xff, 0xff, 0xff, 0xff,
                  0xff, 0xff, 0xff, 0xff, 0xff, 1,    0x20, 0xff, 0xff,
                  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}),  // -1, -1
       }) {
    const auto decoded = DecodePulsarId(form);
    ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
    EXPECT_EQ(*decoded, id);
  }
}

TEST(PulsarIdTest, OrderAndText) {
  const std::vector<PulsarId> ordered = {
      {.ledger = 1, .entry = 9},  {.ledger = 2, .entry = 0},
      {.ledger = 2, .entry = 10}, {.ledger = 2, .entry = 10, .batch_index = 1},
      {.ledger = 2, .entry = 11}, {.ledger = 10, .entry = 0}};
  for (size_t i = 0; i < ordered.size(); ++i) {
    EXPECT_EQ(*DecodePulsarId(EncodePulsarId(ordered[i])), ordered[i]);
    for (size_t j = 0; j < ordered.size(); ++j) {
      EXPECT_EQ(ordered[i] <=> ordered[j], i <=> j);
    }
  }
  EXPECT_EQ(ordered[0].ToString(), "1:9");
  EXPECT_EQ(ordered[3].ToString(), "2:10:1");
}

TEST(PulsarIdTest, OtherBytesAreRefused) {
  for (const MsgId& id :
       {MsgId{}, Bytes({0x08, 1}), Bytes({0x10, 1}), Bytes({0x08, 1, 0x10}), Bytes({1, 2, 3, 4}),
        Bytes({0, 0, 0, 0, 0, 0, 0, 0}),
        Bytes({0x08, 1, 0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})}) {
    EXPECT_EQ(DecodePulsarId(id).status().code(), StatusCode::kInvalidArgument) << id.bytes.size();
  }
}

TEST(PulsarSettingsTest, AddressesAndTopics) {
  EXPECT_EQ(*PulsarUrl("h:6650"), "pulsar://h:6650");
  EXPECT_EQ(*PulsarUrl("pulsar://h:6650,i:6650"), "pulsar://h:6650,i:6650");
  EXPECT_EQ(*PulsarUrl("pulsar+ssl://h:6651"), "pulsar+ssl://h:6651");
  EXPECT_THAT(PulsarUrl("http://h:80").status().message(), HasSubstr("not with http://"));
  EXPECT_EQ(PulsarUrl("").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(PulsarTopic({.tenant = "t", .name_space = "n"}, "c"), "persistent://t/n/c");
}

TEST(PulsarSettingsTest, WaysToAuthenticate) {
  const auto of = [](const std::string& plugin, const std::map<std::string, std::string>& params) {
    return PulsarAuthOf({.auth_plugin = plugin, .auth_params = params});
  };
  EXPECT_EQ(of("", {})->kind, PulsarAuthKind::kNone);
  EXPECT_EQ(of("token", {{"token", "abc"}})->first, "abc");
  EXPECT_EQ(of("org.apache.pulsar.client.impl.auth.AuthenticationToken", {{"token", "abc"}})->kind,
            PulsarAuthKind::kToken);
  EXPECT_EQ(of("token", {{"file", "/t"}})->kind, PulsarAuthKind::kTokenFile);
  EXPECT_EQ(of("token", {{"token", "file:///t"}})->first, "/t");
  EXPECT_EQ(of("tls", {{"tlsCertFile", "c"}, {"tlsKeyFile", "k"}})->second, "k");
  EXPECT_EQ(of("basic", {{"username", "u"}, {"password", "p"}})->first, "u");
  EXPECT_EQ(of("oauth2", {{"issuerUrl", "https://i"}, {"scope", "a\"b"}})->first,
            R"({"issuer_url":"https://i","scope":"a\"b"})");
  EXPECT_THAT(of("tls", {{"tlsCertFile", "secret"}}).status().message(),
              AllOf(HasSubstr("needs tlsKeyFile"), Not(HasSubstr("secret"))));
  EXPECT_THAT(of("kerberos", {}).status().message(), HasSubstr("not kerberos"));
  EXPECT_THAT(of("", {{"token", "secret"}}).status().message(), HasSubstr("without authPlugin"));
}

// Loaded once for all, so only the first attempt of the process can miss it.
TEST(PulsarLibraryTest, AMissingLibraryNamesThePackage) {
  const Status status =
      OpenPulsarLog({.address = "h:6650", .library = "/nowhere/libpulsar.so"}).status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(),
              AllOf(HasSubstr("apache-pulsar-client"), HasSubstr("sourceConfig.pulsar.library"),
                    HasSubstr("/nowhere/libpulsar.so")));
}

}  // namespace
}  // namespace cdc
