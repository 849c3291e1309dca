#include "source/kafka/kafka_log.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <spdlog/spdlog.h>

#include "base/testing/eventually.h"
#include "base/testing/fake_clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "source/kafka/kafka_log_offset.h"
#include "source/kafka/kafka_log_settings.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TEST(KafkaOffsetTest, IsLittleEndian) {
  EXPECT_EQ(EncodeKafkaOffset(1).bytes, std::string("\1\0\0\0\0\0\0\0", 8));
  for (const int64_t offset : {int64_t{0}, int64_t{255}, int64_t{256}, INT64_MAX}) {
    EXPECT_EQ(*DecodeKafkaOffset(EncodeKafkaOffset(offset)), offset);
  }
  EXPECT_EQ(DecodeKafkaOffset({"short"}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(DecodeKafkaOffset(EncodeKafkaOffset(-1)).status().code(), StatusCode::kInvalidArgument);
}

TEST(KafkaOffsetTest, CheckedAgainstWhatThereIs) {
  const KafkaWatermarks watermarks{.low = 57, .high = 100};
  EXPECT_TRUE(CheckKafkaOffset("c", 57, watermarks).ok());
  EXPECT_TRUE(CheckKafkaOffset("c", 100, watermarks).ok());
  const Status expired = CheckKafkaOffset("c", 42, watermarks);
  EXPECT_EQ(expired.code(), StatusCode::kOutOfRange);
  EXPECT_EQ(expired.message(), "position expired: channel c: 42 < 57");
  const Status behind = CheckKafkaOffset("c", 101, watermarks);
  EXPECT_EQ(behind.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(behind.message(), HasSubstr("channel c: 101 > 100"));
}

TEST(KafkaSettingsTest, PasswordsDoNotGoInClearByDefault) {
  const auto plain = KafkaSettings({.connection = {.address = "k:1"}});
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->at("bootstrap.servers"), "k:1");
  EXPECT_EQ(plain->at("auto.offset.reset"), "error");
  EXPECT_FALSE(plain->contains("security.protocol"));
  EXPECT_FALSE(plain->contains("group.id"));

  const auto user =
      KafkaSettings({.connection = {.address = "k:1", .sasl_username = "u", .sasl_password = "p"}});
  EXPECT_EQ(user->at("security.protocol"), "SASL_SSL");
  EXPECT_EQ(user->at("sasl.mechanisms"), "PLAIN");
  EXPECT_EQ(user->at("sasl.password"), "p");

  const auto chosen = KafkaSettings({.connection = {.address = "k:1",
                                                    .sasl_username = "u",
                                                    .sasl_mechanisms = "SCRAM-SHA-256",
                                                    .security_protocol = "SASL_PLAINTEXT"},
                                     .consumer = {{"fetch.wait.max.ms", "7"},
                                                  {"ssl.ca.location", "/ca"},
                                                  {"auto.offset.reset", "error"}}});
  ASSERT_TRUE(chosen.ok());
  EXPECT_EQ(chosen->at("security.protocol"), "SASL_PLAINTEXT");
  EXPECT_EQ(chosen->at("sasl.mechanisms"), "SCRAM-SHA-256");
  EXPECT_EQ(chosen->at("fetch.wait.max.ms"), "7");
  EXPECT_EQ(chosen->at("ssl.ca.location"), "/ca");
}

struct Refusal {
  const char* key;
  const char* value;
  const char* told;
};

TEST(KafkaSettingsTest, WrongOnesAreRefused) {
  EXPECT_EQ(OpenKafkaLog({}).status().code(), StatusCode::kInvalidArgument);
  for (const Refusal& refusal : {
           Refusal{"auto.offset.reset", "earliest", "auto.offset.reset cannot be changed"},
           Refusal{"enable.auto.commit", "true", "enable.auto.commit cannot be changed"},
           Refusal{"group.id", "g", "group.id cannot be set"},
           Refusal{"no.such.thing", "1", "No such configuration property: \"no.such.thing\""},
           Refusal{"fetch.min.bytes", "many", "Invalid value for configuration property"},
           Refusal{"security.protocol", "tls", "Invalid value \"tls\""},
           Refusal{"ssl.key.location", "/no/such/file", "ssl.key.location failed"},
       }) {
    KafkaOptions options{.connection = {.address = "127.0.0.1:1"},
                         .consumer = {{refusal.key, refusal.value}}};
    if (std::string(refusal.key).starts_with("ssl.")) {
      options.connection.security_protocol = "ssl";
    }
    const Status status = OpenKafkaLog(options).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << refusal.key;
    EXPECT_THAT(status.message(), HasSubstr(refusal.told));
  }
}

// librdkafka's mock broker, in this process.
class MockKafka {
 public:
  MockKafka() {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    std::array<char, 512> error{};
    for (const auto& [key, value] :
         {std::pair("test.mock.num.brokers", "1"), std::pair("linger.ms", "0"),
          std::pair("log_level", "0"), std::pair("message.max.bytes", "12000000")}) {
      CDC_CHECK(rd_kafka_conf_set(conf, key, value, error.data(), error.size()) ==
                RD_KAFKA_CONF_OK);
    }
    producer_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error.data(), error.size());
    CDC_CHECK(producer_ != nullptr);
    cluster_ = rd_kafka_handle_mock_cluster(producer_);
  }
  ~MockKafka() { rd_kafka_destroy(producer_); }
  MockKafka(const MockKafka&) = delete;
  MockKafka& operator=(const MockKafka&) = delete;

  std::string address() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }
  rd_kafka_mock_cluster_t* cluster() { return cluster_; }

  void CreateTopic(const std::string& topic) {
    CDC_CHECK(rd_kafka_mock_topic_create(cluster_, topic.c_str(), 1, 1) ==
              RD_KAFKA_RESP_ERR_NO_ERROR);
  }

  void Write(const std::string& topic, const std::string& value) {
    rd_kafka_topic_t* opened = rd_kafka_topic_new(producer_, topic.c_str(), nullptr);
    CDC_CHECK(rd_kafka_produce(opened, 0, RD_KAFKA_MSG_F_COPY, const_cast<char*>(value.data()),
                               value.size(), nullptr, 0, nullptr) == 0);
    rd_kafka_topic_destroy(opened);
  }
  void Flush() { CDC_CHECK(rd_kafka_flush(producer_, 10'000) == RD_KAFKA_RESP_ERR_NO_ERROR); }

 private:
  rd_kafka_t* producer_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

LogPosition At(int64_t offset) { return {EncodeKafkaOffset(offset), true}; }
LogPosition After(int64_t offset) { return {EncodeKafkaOffset(offset), false}; }

class KafkaLogTest : public ::testing::Test {
 protected:
  // The mock is an old broker, which librdkafka reports again and again.
  KafkaLogTest() { spdlog::set_level(spdlog::level::off); }
  ~KafkaLogTest() override { spdlog::set_level(spdlog::level::info); }

  void Open() {
    options_.connection.address = kafka_.address();
    auto log = OpenKafkaLog(options_);
    ASSERT_TRUE(log.ok()) << log.status().ToString();
    log_ = *std::move(log);
    auto reader = log_->NewReader();
    ASSERT_TRUE(reader.ok()) << reader.status().ToString();
    reader_ = *std::move(reader);
  }

  void WriteRange(const std::string& topic, int first, int end) {
    for (int i = first; i < end; ++i) {
      kafka_.Write(topic, "v" + std::to_string(i));
    }
    kafka_.Flush();
  }

  void Add(const std::string& topic, std::optional<LogPosition> start = std::nullopt) {
    const Status status = reader_->Add(topic, start);
    ASSERT_TRUE(status.ok()) << status.ToString();
  }

  // One Poll; its result is added to `seen_` as "channel/offset=value".
  Status Poll(size_t max_bytes = 1 << 20, milliseconds timeout = milliseconds(20)) {
    std::vector<LogBatch> batches;
    const Status status = reader_->Poll(max_bytes, timeout, {}, &batches);
    for (LogBatch& batch : batches) {
      if (!batch.status.ok()) {
        errors_[batch.channel] = batch.status;
      }
      for (LogRecord& record : batch.records) {
        const std::string value(record.payload.bytes.substr(0, 20));
        seen_.push_back(batch.channel + "/" + log_->FormatId(record.id) + "=" + value);
        payloads_.push_back(std::move(record.payload));
      }
    }
    return status;
  }

  bool PollUntil(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) {
        return false;
      }
      static_cast<void>(Poll());
    }
    return true;
  }

  bool PollUntilSeen(size_t count) {
    return PollUntil([this, count] { return seen_.size() >= count; });
  }

  // Expects every offset of the topic from `first` on, once and in order.
  void ExpectSeen(const std::string& topic, int first, int end) {
    std::vector<std::string> expected;
    for (int i = first; i < end; ++i) {
      expected.push_back(topic + "/" + std::to_string(i) + "=v" + std::to_string(i));
    }
    EXPECT_EQ(seen_, expected);
  }

  FakeClock clock_;
  MockKafka kafka_;
  KafkaOptions options_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<LogReader> reader_;
  std::vector<std::string> seen_;
  std::vector<Payload> payloads_;
  std::map<std::string, Status> errors_;
};

TEST_F(KafkaLogTest, DeliversFromTheBeginningAndGoesOn) {
  kafka_.CreateTopic("a");
  WriteRange("a", 0, 3);
  Open();
  Add("a");
  ASSERT_TRUE(PollUntilSeen(3));
  WriteRange("a", 3, 5);
  ASSERT_TRUE(PollUntilSeen(5));
  ExpectSeen("a", 0, 5);
  EXPECT_THAT(errors_, IsEmpty());
}

TEST_F(KafkaLogTest, BeginsAtAPositionOrAfterIt) {
  kafka_.CreateTopic("a");
  kafka_.CreateTopic("b");
  WriteRange("a", 0, 5);
  WriteRange("b", 0, 5);
  Open();
  Add("a", At(3));
  Add("b", After(3));
  ASSERT_TRUE(PollUntilSeen(3));
  EXPECT_THAT(seen_, ::testing::UnorderedElementsAre("a/3=v3", "a/4=v4", "b/4=v4"));
}

TEST_F(KafkaLogTest, AtTheEndNothingComesTwice) {
  kafka_.CreateTopic("a");
  WriteRange("a", 0, 5);
  Open();
  Add("a", After(4));
  EXPECT_TRUE(Poll().ok());
  EXPECT_TRUE(Poll().ok());
  WriteRange("a", 5, 6);
  ASSERT_TRUE(PollUntilSeen(1));
  ExpectSeen("a", 5, 6);
}

TEST_F(KafkaLogTest, PausedChannelKeepsItsPlace) {
  kafka_.CreateTopic("a");
  kafka_.CreateTopic("b");
  WriteRange("a", 0, 100);
  Open();
  Add("a");
  ASSERT_TRUE(PollUntil([this] {
    static_cast<void>(Poll(1));  // one record at a time: the rest is already in the reader
    return seen_.size() >= 10;
  }));
  const size_t before = seen_.size();
  reader_->SetPaused("a", true);
  Add("b");
  WriteRange("b", 0, 1);
  ASSERT_TRUE(PollUntilSeen(before + 1));
  EXPECT_EQ(seen_.back(), "b/0=v0");
  seen_.pop_back();
  reader_->SetPaused("a", false);
  ASSERT_TRUE(PollUntilSeen(100));
  ExpectSeen("a", 0, 100);
}

TEST_F(KafkaLogTest, MoreThanTheQueueHolds) {
  options_.prefetch_bytes = 64 << 10;
  kafka_.CreateTopic("a");
  const std::string value(10'000, 'x');
  for (int i = 0; i < 300; ++i) {
    kafka_.Write("a", value);
  }
  kafka_.Flush();
  Open();
  Add("a");
  ASSERT_TRUE(Poll(1, milliseconds(1000)).ok());
  EXPECT_THAT(seen_, SizeIs(1));
  ASSERT_TRUE(PollUntilSeen(300));
  EXPECT_THAT(seen_.back(), HasSubstr("a/299="));
}

TEST_F(KafkaLogTest, LargeRecordsPassAndOutliveTheReader) {
  options_.prefetch_bytes = 64 << 10;
  kafka_.CreateTopic("a");
  const std::string value(2 << 20, 'x');
  kafka_.Write("a", value);
  kafka_.Write("a", value);
  kafka_.Flush();
  Open();
  Add("a", At(1));
  ASSERT_TRUE(PollUntilSeen(1));
  reader_.reset();
  log_.reset();
  ASSERT_THAT(payloads_, SizeIs(1));
  EXPECT_EQ(payloads_[0].bytes, value);
}

TEST_F(KafkaLogTest, RemovedChannelMayBeAddedAgain) {
  kafka_.CreateTopic("a");
  WriteRange("a", 0, 10);
  Open();
  Add("a");
  EXPECT_EQ(reader_->Add("a", std::nullopt).code(), StatusCode::kAlreadyExists);
  ASSERT_TRUE(PollUntil([this] {
    static_cast<void>(Poll(1));
    return seen_.size() >= 2;
  }));
  reader_->Remove("a");
  const size_t before = seen_.size();
  EXPECT_TRUE(Poll().ok());
  EXPECT_EQ(seen_.size(), before);
  seen_.clear();
  Add("a", At(1));
  ASSERT_TRUE(PollUntilSeen(9));
  ExpectSeen("a", 1, 10);
}

TEST_F(KafkaLogTest, ATopicThatDoesNotExistIsNoErrorAndComesLater) {
  rd_kafka_mock_topic_set_error(kafka_.cluster(), "late", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  Open();
  Add("late");
  EXPECT_TRUE(Poll().ok());
  EXPECT_TRUE(Poll(1 << 20, milliseconds(300)).ok());
  EXPECT_THAT(errors_, IsEmpty());
  const auto latest = log_->Latest("late");
  ASSERT_TRUE(latest.ok()) << latest.status().ToString();
  EXPECT_FALSE(latest->has_value());
  EXPECT_EQ(log_->CheckPosition("late", At(0)).code(), StatusCode::kFailedPrecondition);
  rd_kafka_mock_topic_set_error(kafka_.cluster(), "late", RD_KAFKA_RESP_ERR_NO_ERROR);
  WriteRange("late", 0, 3);
  ASSERT_TRUE(PollUntilSeen(3));
  ExpectSeen("late", 0, 3);
}

TEST_F(KafkaLogTest, AMissingTopicIsLookedForAgainAfterAWhile) {
  options_.clock = &clock_;
  rd_kafka_mock_topic_set_error(kafka_.cluster(), "a", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  Open();
  Add("a");
  const auto poll = [this] { return Poll(1 << 20, milliseconds(0)).ok(); };
  ASSERT_TRUE(poll());
  rd_kafka_mock_topic_set_error(kafka_.cluster(), "a", RD_KAFKA_RESP_ERR_NO_ERROR);
  WriteRange("a", 0, 1);
  clock_.Advance(milliseconds(249));
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(poll());
  }
  EXPECT_THAT(seen_, IsEmpty());
  clock_.Advance(milliseconds(1));
  EXPECT_TRUE(Eventually([&] { return poll() && !seen_.empty(); }));
  ExpectSeen("a", 0, 1);
}

TEST_F(KafkaLogTest, LatestIsTheNewestRecord) {
  kafka_.CreateTopic("a");
  Open();
  EXPECT_EQ(*log_->Latest("a"), std::nullopt);
  for (int i = 0; i < 3; ++i) {
    WriteRange("a", i, i + 1);
    EXPECT_EQ(*log_->Latest("a"), EncodeKafkaOffset(i));
  }
}

TEST_F(KafkaLogTest, APositionThatTheLogNoLongerHoldsIsTold) {
  kafka_.CreateTopic("a");
  // The mock keeps 5 MB per partition.
  const std::string value(1'000'000, 'x');
  for (int i = 0; i < 10; ++i) {
    kafka_.Write("a", value);
    kafka_.Flush();
  }
  Open();
  const Status expired = log_->CheckPosition("a", At(0));
  EXPECT_EQ(expired.code(), StatusCode::kOutOfRange);
  EXPECT_THAT(expired.message(), HasSubstr("position expired: channel a: 0 < "));
  EXPECT_TRUE(log_->CheckPosition("a", At(9)).ok());
  EXPECT_TRUE(log_->CheckPosition("a", After(9)).ok());
  EXPECT_EQ(log_->CheckPosition("a", At(10)).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(log_->CheckPosition("a", {{"x"}, true}).code(), StatusCode::kInvalidArgument);

  // The reader does not skip to what is left, and keeps reporting the error.
  Add("a", At(1));
  ASSERT_TRUE(PollUntil([this] { return errors_.contains("a"); }));
  for (int i = 0; i < 3; ++i) {
    errors_.clear();
    EXPECT_TRUE(Poll(1 << 20, milliseconds(100)).ok());
    EXPECT_EQ(errors_["a"].code(), StatusCode::kOutOfRange);
    EXPECT_THAT(errors_["a"].message(), HasSubstr("position expired: channel a: 1 < "));
  }
  EXPECT_THAT(seen_, IsEmpty());
}

TEST_F(KafkaLogTest, APositionBehindTheEndIsTold) {
  kafka_.CreateTopic("a");
  kafka_.CreateTopic("b");
  WriteRange("a", 0, 3);
  WriteRange("b", 0, 3);
  Open();
  Add("a", At(17));
  Add("b");
  ASSERT_TRUE(PollUntil([this] { return errors_.contains("a") && seen_.size() == 3; }));
  EXPECT_EQ(errors_["a"].code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(errors_["a"].message(), HasSubstr("17 > 3"));
  ExpectSeen("b", 0, 3);  // the other channel continues
}

TEST_F(KafkaLogTest, GoesOnAfterTheBrokerWasAway) {
  kafka_.CreateTopic("a");
  WriteRange("a", 0, 3);
  Open();
  Add("a");
  ASSERT_TRUE(PollUntilSeen(3));
  rd_kafka_mock_broker_set_down(kafka_.cluster(), 1);
  Status down;
  ASSERT_TRUE(Eventually([&] {
    down = Poll();
    return !down.ok();
  }));
  EXPECT_EQ(down.code(), StatusCode::kUnavailable);
  EXPECT_THAT(down.message(),
              AllOf(HasSubstr("kafka " + kafka_.address()), HasSubstr("brokers are down")));
  rd_kafka_mock_broker_set_up(kafka_.cluster(), 1);
  ASSERT_TRUE(Eventually([&] { return Poll().ok(); }));
  WriteRange("a", 3, 5);
  ASSERT_TRUE(PollUntilSeen(5));
  ExpectSeen("a", 0, 5);
}

TEST_F(KafkaLogTest, PollEndsWhenAsked) {
  Open();
  Add("none");
  std::stop_source stop;
  std::vector<LogBatch> batches;
  std::jthread asker([&] { stop.request_stop(); });
  EXPECT_TRUE(reader_->Poll(1, milliseconds(60'000), stop.get_token(), &batches).ok());
  EXPECT_THAT(batches, IsEmpty());
}

TEST_F(KafkaLogTest, OrderAndTextOfIds) {
  Open();
  const MsgId small = EncodeKafkaOffset(255);
  const MsgId large = EncodeKafkaOffset(256);
  EXPECT_EQ(log_->Compare(small, large), std::strong_ordering::less);
  EXPECT_EQ(log_->Compare(large, small), std::strong_ordering::greater);
  EXPECT_EQ(log_->Compare(large, large), std::strong_ordering::equal);
  EXPECT_EQ(log_->FormatId(large), "256");
  EXPECT_THAT(log_->FormatId({"x"}), HasSubstr("8 bytes"));
}

TEST(KafkaLogOpenTest, NobodyListensThere) {
  const auto begin = std::chrono::steady_clock::now();
  const Status status = OpenKafkaLog({.connection = {.address = "127.0.0.1:1"}}).status();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kSoon);
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("127.0.0.1:1"), HasSubstr("Connection refused")));
}

}  // namespace
}  // namespace cdc
