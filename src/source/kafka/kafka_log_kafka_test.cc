#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <librdkafka/rdkafka.h>

#include "base/testing/eventually.h"
#include "base/testing/source_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kafka/testing/kafka_process.h"
#include "source/kafka/kafka_log.h"
#include "source/kafka/kafka_log_offset.h"
#include "source/testing/log_contract.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::HasSubstr;

// Writes as Milvus does: zstd, records of up to 10 MiB.
class Producer {
 public:
  explicit Producer(const std::string& address) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    std::array<char, 512> error{};
    for (const auto& [key, value] :
         {std::pair<std::string, std::string>("bootstrap.servers", address),
          {"compression.codec", "zstd"},
          {"message.max.bytes", "10485760"},
          {"linger.ms", "2"},
          {"log_level", "0"}}) {
      CDC_CHECK(rd_kafka_conf_set(conf, key.c_str(), value.c_str(), error.data(), error.size()) ==
                RD_KAFKA_CONF_OK);
    }
    handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error.data(), error.size());
    CDC_CHECK(handle_ != nullptr);
  }
  ~Producer() { rd_kafka_destroy(handle_); }
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  void Write(const std::string& topic, const std::vector<std::string>& values) {
    rd_kafka_topic_t* opened = rd_kafka_topic_new(handle_, topic.c_str(), nullptr);
    for (std::string value : values) {
      CDC_CHECK(rd_kafka_produce(opened, 0, RD_KAFKA_MSG_F_COPY, value.data(), value.size(),
                                 nullptr, 0, nullptr) == 0);
    }
    CDC_CHECK(rd_kafka_flush(handle_, 30'000) == RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_destroy(opened);
  }

  // Deletes the records before `offset`.
  void DeleteBefore(const std::string& topic, int64_t offset) {
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic.c_str(), 0)->offset = offset;
    rd_kafka_DeleteRecords_t* request = rd_kafka_DeleteRecords_new(list);
    rd_kafka_queue_t* queue = rd_kafka_queue_new(handle_);
    rd_kafka_DeleteRecords(handle_, &request, 1, nullptr, queue);
    rd_kafka_event_t* event = rd_kafka_queue_poll(queue, 20'000);
    CDC_CHECK(event != nullptr && rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_DeleteRecords_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
  }

 private:
  rd_kafka_t* handle_ = nullptr;
};

// One broker per test: starting it takes seconds, so there are few tests.
class KafkaLogKafkaTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto kafka = KafkaProcess::Start(SourceDir());
    if (kafka.status().code() == StatusCode::kNotFound) {
      GTEST_SKIP() << "NOT TESTED: " << kafka.status().message();
    }
    ASSERT_TRUE(kafka.ok()) << kafka.status().ToString();
    kafka_ = *std::move(kafka);
  }

  void Open(const KafkaOptions& options) {
    auto log = OpenKafkaLog(options);
    ASSERT_TRUE(log.ok()) << log.status().ToString();
    log_ = *std::move(log);
    reader_ = *log_->NewReader();
  }

  void Poll() {
    std::vector<LogBatch> batches;
    poll_status_ = reader_->Poll(1 << 20, milliseconds(200), {}, &batches);
    for (const LogBatch& batch : batches) {
      if (!batch.status.ok()) {
        error_ = batch.status;
      }
      for (const LogRecord& record : batch.records) {
        offsets_.push_back(*DecodeKafkaOffset(record.id));
        values_.emplace_back(record.payload.bytes);
      }
    }
  }

  bool PollUntil(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) {
        return false;
      }
      Poll();
    }
    return true;
  }

  std::unique_ptr<KafkaProcess> kafka_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<LogReader> reader_;
  std::vector<int64_t> offsets_;
  std::vector<std::string> values_;
  Status poll_status_;
  Status error_;
};

TEST_F(KafkaLogKafkaTest, ReadsWhatARealBrokerHolds) {
  Producer producer(kafka_->address());
  Open({.connection = {.address = kafka_->address()}});
  LogContract contract;
  contract.log = log_.get();
  contract.prefix = "contract";
  contract.write = [&producer](const std::string& channel, const std::vector<std::string>& values) {
    producer.Write(channel, values);
  };
  contract.Run();

  // A missing topic: no error, and asking for it does not create it.
  ASSERT_TRUE(reader_->Add("t", std::nullopt).ok());
  for (int i = 0; i < 4; ++i) {
    Poll();
    EXPECT_TRUE(poll_status_.ok()) << poll_status_.ToString();
    EXPECT_EQ(*log_->Latest("t"), std::nullopt);
  }
  producer.Write("t", Numbers(0, 1000));
  ASSERT_TRUE(PollUntil([this] { return values_.size() >= 1000; }));
  EXPECT_EQ(values_, Numbers(0, 1000));
  EXPECT_TRUE(error_.ok()) << error_.ToString();
  EXPECT_EQ(*log_->Latest("t"), EncodeKafkaOffset(999));

  // A record of the maximum size the broker allows.
  producer.Write("t", {std::string((10 << 20) - 1000, 'x')});
  ASSERT_TRUE(PollUntil([this] { return values_.size() == 1001; }));
  EXPECT_EQ(values_.back().size(), size_t{(10 << 20) - 1000});

  // kill -9 and restart: it continues; nothing is lost or repeated.
  ASSERT_TRUE(kafka_->Kill().ok());
  ASSERT_TRUE(PollUntil([this] { return !poll_status_.ok(); }));
  EXPECT_EQ(poll_status_.code(), StatusCode::kUnavailable);
  EXPECT_THAT(poll_status_.message(),
              AllOf(HasSubstr(kafka_->address()), HasSubstr("brokers are down")));
  ASSERT_TRUE(kafka_->Restart().ok());
  producer.Write("t", Numbers(1001, 1501));
  ASSERT_TRUE(PollUntil([this] { return values_.size() >= 1501; }));
  for (size_t i = 0; i < offsets_.size(); ++i) {
    ASSERT_EQ(offsets_[i], static_cast<int64_t>(i));
  }
  EXPECT_TRUE(poll_status_.ok()) << poll_status_.ToString();
  EXPECT_TRUE(error_.ok()) << error_.ToString();

  // Records deleted by retention.
  producer.DeleteBefore("t", 700);
  const Status expired = log_->CheckPosition("t", {EncodeKafkaOffset(600), true});
  EXPECT_EQ(expired.code(), StatusCode::kOutOfRange);
  EXPECT_EQ(expired.message(), "position expired: channel t: 600 < 700");
  EXPECT_TRUE(log_->CheckPosition("t", {EncodeKafkaOffset(700), true}).ok());
  EXPECT_TRUE(log_->CheckPosition("t", {EncodeKafkaOffset(699), false}).ok());
  reader_->Remove("t");
  ASSERT_TRUE(reader_->Add("t", LogPosition{EncodeKafkaOffset(600), true}).ok());
  ASSERT_TRUE(PollUntil([this] { return !error_.ok(); }));
  EXPECT_EQ(error_, expired);
  reader_->Remove("t");
  offsets_.clear();
  ASSERT_TRUE(reader_->Add("t", std::nullopt).ok());
  ASSERT_TRUE(PollUntil([this] { return !offsets_.empty(); }));
  EXPECT_EQ(offsets_.front(), 700);
}

TEST_F(KafkaLogKafkaTest, PasswordsAndCertificates) {
  Producer producer(kafka_->address());
  producer.Write("t", Numbers(0, 10));
  const auto expect_reads = [this](const KafkaOptions& options) {
    values_.clear();
    Open(options);
    ASSERT_TRUE(reader_->Add("t", std::nullopt).ok());
    ASSERT_TRUE(PollUntil([this] { return values_.size() >= 10; }));
    EXPECT_EQ(values_, Numbers(0, 10));
  };
  const auto expect_refused = [](const KafkaOptions& options, const std::string& why) {
    const auto begin = std::chrono::steady_clock::now();
    const Status status = OpenKafkaLog(options).status();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, kSoon);
    EXPECT_EQ(status.code(), StatusCode::kUnavailable);
    EXPECT_THAT(status.message(), AllOf(HasSubstr(options.connection.address), HasSubstr(why)));
  };

  KafkaOptions sasl{.connection = {.address = kafka_->sasl_address(),
                                   .sasl_username = KafkaProcess::kUser,
                                   .sasl_password = KafkaProcess::kPassword,
                                   .security_protocol = "SASL_PLAINTEXT"}};
  expect_reads(sasl);
  sasl.connection.sasl_password = "wrong";
  expect_refused(sasl, "Authentication failed: Invalid username or password");

  KafkaOptions ssl{.connection = {.address = kafka_->ssl_address(), .security_protocol = "SSL"},
                   .consumer = {{"ssl.ca.location", kafka_->authority()}}};
  expect_reads(ssl);
  ssl.consumer.clear();
  expect_refused(ssl, "certificate verify failed");
  // No TLS where TLS is expected: brokers close the connection in different ways; the cure is the
  // same.
  ssl.connection.address = kafka_->address();
  expect_refused(ssl, "is this a listener without TLS?");
}

}  // namespace
}  // namespace cdc
