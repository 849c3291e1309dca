#include "decode/replicate.h"

#include <string>

#include "common.pb.h"
#include "decode/testing/vectors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "milvus.pb.h"

namespace cdc {
namespace {

TEST(DecodeReplicated, Flush) {
  const auto flush = DecodeReplicated(Payload::Own(FromHex(kFlushHex)), true);
  ASSERT_TRUE(flush.ok());
  EXPECT_EQ(*flush,
            ReplicatedRequest(FlushRequestInfo{"default", {"hello"}, {470642938165854209}}));
}

TEST(DecodeReplicated, SeveralCollectionsAndTheTimeOfTheOriginal) {
  const std::string base =
      "\x0a\x0b"
      "\x08\x92\x03\x18\x05"
      "\x3a\x04\x08\x01\x10\x04";
  const auto flush = DecodeReplicated(Payload::Own(base + "\x12\x01"
                                                          "d\x1a\x01"
                                                          "a\x1a\x01"
                                                          "b"),
                                      true);
  ASSERT_TRUE(flush.ok()) << flush.status().ToString();
  EXPECT_EQ(*flush, ReplicatedRequest(FlushRequestInfo{"d", {"a", "b"}, {4}}));
}

std::string Serialized(const google::protobuf::Message& message) {
  return message.SerializeAsString();
}

TEST(DecodeReplicated, PasswordsOfNewUsersAndNewPasswords) {
  ::milvus::proto::milvus::CreateCredentialRequest create;
  create.mutable_base()->set_msg_type(::milvus::proto::common::CreateCredential);
  create.set_username("alice");
  create.set_password("YQ==");
  create.set_created_utc_timestamps(5);
  const auto created = DecodeReplicated(Payload::Own(Serialized(create)), true);
  ASSERT_TRUE(created.ok()) << created.status().ToString();
  EXPECT_EQ(*created, ReplicatedRequest(PasswordChange{"alice", std::nullopt, "YQ=="}));

  ::milvus::proto::milvus::UpdateCredentialRequest update;
  update.mutable_base()->set_msg_type(::milvus::proto::common::UpdateCredential);
  update.set_username("alice");
  update.set_newpassword("Yg==");
  const auto without_old = DecodeReplicated(Payload::Own(Serialized(update)), true);
  ASSERT_TRUE(without_old.ok()) << without_old.status().ToString();
  EXPECT_EQ(*without_old, ReplicatedRequest(PasswordChange{"alice", "", "Yg=="}));
  update.set_oldpassword("YQ==");
  const auto updated = DecodeReplicated(Payload::Own(Serialized(update)), true);
  ASSERT_TRUE(updated.ok()) << updated.status().ToString();
  EXPECT_EQ(*updated, ReplicatedRequest(PasswordChange{"alice", "YQ==", "Yg=="}));
}

TEST(DecodeReplicated, OtherRequestsAreNone) {
  for (const auto hex : {kCreateIndexHex, kLoadCollectionHex, kReplicatedLoadHex, kTickHex}) {
    const auto request = DecodeReplicated(Payload::Own(FromHex(hex)), true);
    ASSERT_TRUE(request.ok()) << request.status().ToString();
    EXPECT_EQ(*request, ReplicatedRequest());
  }
}

TEST(DecodeReplicated, MalformedIsDataLoss) {
  const std::string record = FromHex(kFlushHex);
  for (size_t size = 0; size < record.size(); ++size) {
    const auto flush = DecodeReplicated(Payload::Own(record.substr(0, size)), true);
    if (!flush.ok()) {
      EXPECT_EQ(flush.status().code(), StatusCode::kDataLoss);
    }
  }
  EXPECT_FALSE(DecodeReplicated(Payload::Own(record.substr(0, record.size() - 1)), true).ok());
}

}  // namespace
}  // namespace cdc
