// What needs no broker.
#include <string>

#include <librdkafka/rdkafka.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kafka/kafka_connection.h"
#include "kafka/kafka_error.h"
#include "kafka/kafka_topics.h"
#include "kafka/transactional_producer.h"

namespace cdc {
namespace {

using ::testing::HasSubstr;

TEST(TopicNameTest, KafkasRule) {
  for (const std::string& name :
       {std::string("a"), std::string("milvus.db.c_1-x"), std::string(249, 'n')}) {
    EXPECT_TRUE(CheckTopicName(name).ok()) << name;
  }
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("a b"),
        std::string("caf\xc3\xa9"), std::string("a/b"), std::string(250, 'n')}) {
    const Status status = CheckTopicName(name);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << name;
    EXPECT_THAT(status.message(), HasSubstr("1 to 249"));
  }
}

TEST(KafkaConnectionTest, ThereMustBeAnAddress) {
  EXPECT_EQ(ConnectionSettings({}).status().code(), StatusCode::kInvalidArgument);
}

TEST(KafkaConnectionTest, FixedSettingsWin) {
  const KafkaSettingMap fixed = {{"acks", "all"}};
  KafkaSettingMap settings = {{"acks", "1"}, {"linger.ms", "5"}};
  EXPECT_TRUE(AddUserSettings({{"acks", "all"}, {"linger.ms", "7"}}, fixed, &settings).ok());
  EXPECT_EQ(settings, (KafkaSettingMap{{"acks", "all"}, {"linger.ms", "7"}}));
  const Status refused = AddUserSettings({{"acks", "1"}}, fixed, &settings);
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(refused.message(), "acks cannot be changed: it is all");
}

TEST(TransactionalProducerTest, SettingsThatWouldLoseRecordsAreRefused) {
  for (const auto& [key, value, told] : {
           std::tuple("enable.idempotence", "false", "enable.idempotence cannot be changed"),
           std::tuple("acks", "1", "acks cannot be changed"),
           std::tuple("transactional.id", "other",
                      "transactional.id cannot be changed: it is mine"),
           std::tuple("no.such.thing", "1", "No such configuration property"),
           std::tuple("message.timeout.ms", "40000", "message.timeout.ms"),
       }) {
    const Status status = TransactionalProducer::Open({.connection = {.address = "127.0.0.1:1"},
                                                       .transactional_id = "mine",
                                                       .settings = {{key, value}}},
                                                      std::chrono::milliseconds(10), {})
                              .status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << key;
    EXPECT_THAT(status.message(), HasSubstr(told));
  }
}

TEST(KafkaErrorTest, WhoeverIsFencedIsToldWhatItMayBe) {
  for (const auto code : {RD_KAFKA_RESP_ERR__FENCED, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH}) {
    const Status status = KafkaError(code, "words");
    EXPECT_EQ(status.code(), StatusCode::kAborted);
    EXPECT_THAT(status.message(), HasSubstr("another producer"));
  }
  EXPECT_EQ(KafkaError(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "words").code(),
            StatusCode::kPermissionDenied);
  EXPECT_EQ(KafkaError(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "words").code(),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(KafkaError(RD_KAFKA_RESP_ERR__TRANSPORT, "words").code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace cdc
