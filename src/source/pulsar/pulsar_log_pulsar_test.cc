#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/testing/eventually.h"
#include "base/testing/source_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "source/pulsar/pulsar_id.h"
#include "source/pulsar/pulsar_log.h"
#include "source/pulsar/testing/pulsar_process.h"
#include "source/testing/log_contract.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using Compression = PulsarProducer::Compression;

// One test, and each of its steps with topics of its own: a broker takes many seconds to start.
class PulsarLogPulsarTest : public ::testing::Test {
 public:
  void SetUp() override {
    auto pulsar = PulsarProcess::Start(SourceDir());
    if (pulsar.status().code() == StatusCode::kNotFound) {
      GTEST_SKIP() << "NOT TESTED: " << pulsar.status().message();
    }
    ASSERT_TRUE(pulsar.ok()) << pulsar.status().ToString();
    pulsar_ = *std::move(pulsar);
  }

  PulsarProcess& pulsar() { return *pulsar_; }

  void FulfillsTheContract();
  void ReadsBatchesAndCompressedRecords();
  void SlowReadersHoldBackTheBroker();
  void HandsOnTheVersionOfTheWriteAheadLog();
  void LargeRecordsOutliveTheReader();
  void LeavesNoSubscriptionBehind();
  void FindsThatRecordsHaveExpired();
  void TokensAndCertificates();
  void RidesOutUnloadsAndAKilledBroker();

  void Open(const PulsarOptions& options) {
    Forget();
    reader_.reset();
    auto log = OpenPulsarLog(options);
    ASSERT_TRUE(log.ok()) << log.status().ToString();
    log_ = *std::move(log);
    reader_ = *log_->NewReader();
  }

  PulsarProducer NewProducer(const std::string& channel,
                             Compression compression = Compression::kNone,
                             bool batching = false) {
    return {pulsar().address(), "persistent://public/default/" + channel, compression, batching};
  }

  void Add(const std::string& channel, const std::optional<LogPosition>& start = std::nullopt) {
    const Status status = reader_->Add(channel, start);
    ASSERT_TRUE(status.ok()) << status.ToString();
  }

  void Poll() {
    std::vector<LogBatch> batches;
    const Status status = reader_->Poll(1 << 20, milliseconds(200), {}, &batches);
    EXPECT_TRUE(status.ok()) << status.ToString();
    error_ = OkStatus();
    for (LogBatch& batch : batches) {
      if (!batch.status.ok()) {
        error_ = batch.status;
      }
      for (LogRecord& record : batch.records) {
        ids_.push_back(record.id);
        values_.emplace_back(record.payload.bytes);
        versions_.push_back(record.wal == nullptr ? "" : record.wal->version);
        payloads_.push_back(std::move(record.payload));
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

  void Forget() {
    ids_.clear();
    values_.clear();
    versions_.clear();
    payloads_.clear();
  }

  std::unique_ptr<PulsarProcess> pulsar_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<LogReader> reader_;
  std::vector<MsgId> ids_;
  std::vector<std::string> values_;
  std::vector<std::string> versions_;
  std::vector<Payload> payloads_;
  Status error_;
};

void PulsarLogPulsarTest::FulfillsTheContract() {
  LogContract contract;
  contract.log = log_.get();
  contract.prefix = "contract";
  contract.write = [this](const std::string& channel, const std::vector<std::string>& values) {
    PulsarProducer(pulsar().address(), "persistent://public/default/" + channel, Compression::kNone,
                   true)
        .Write(values);
  };
  contract.Run();
}

// The ways in which versions of Milvus write: batches of one or more, none, compressed or not.
void PulsarLogPulsarTest::ReadsBatchesAndCompressedRecords() {
  PulsarProducer plain = NewProducer("forms");
  plain.Write(Numbers(0, 3));
  PulsarProducer batches = NewProducer("forms", Compression::kLz4, true);
  batches.Write(Numbers(3, 6));
  batches.Write(Numbers(6, 7));
  PulsarProducer zstd = NewProducer("forms", Compression::kZstd);
  zstd.Write({std::string(3 << 20, 'x')});
  PulsarProducer zstd_batches = NewProducer("forms", Compression::kZstd, true);
  zstd_batches.Write(Numbers(8, 10));
  Add("forms");
  ASSERT_TRUE(PollUntil([this] { return values_.size() >= 10; }));
  EXPECT_EQ(values_[7], std::string(3 << 20, 'x'));
  values_[7] = "7";
  EXPECT_EQ(values_, Numbers(0, 10));
  EXPECT_EQ(*log_->Latest("forms"), ids_.back());

  // From every place, inclusive and exclusive, in the middle of batches, too.
  for (size_t i = 0; i < 10; ++i) {
    for (const bool inclusive : {true, false}) {
      reader_->Remove("forms");
      const LogPosition start{ids_[i], inclusive};
      EXPECT_TRUE(log_->CheckPosition("forms", start).ok());
      values_.clear();
      Add("forms", start);
      const size_t first = i + (inclusive ? 0 : 1);
      ASSERT_TRUE(PollUntil([&] { return values_.size() >= 10 - first; })) << i << inclusive;
      Poll();
      ASSERT_EQ(values_.size(), 10 - first);
      if (first < 10 && first != 7) {
        EXPECT_EQ(values_.front(), std::to_string(first));
      }
    }
  }
}

void PulsarLogPulsarTest::RidesOutUnloadsAndAKilledBroker() {
  {
    PulsarProducer producer = NewProducer("outage");
    Add("outage");
    producer.Write(Numbers(0, 100));
    ASSERT_TRUE(PollUntil([this] { return values_.size() >= 100; }));
    ASSERT_TRUE(pulsar().Unload("outage").ok());
    producer.Write(Numbers(100, 200));
    ASSERT_TRUE(PollUntil([this] { return values_.size() >= 200; }));
  }
  ASSERT_TRUE(pulsar().Kill().ok());
  ASSERT_TRUE(PollUntil([this] { return !error_.ok(); }));
  EXPECT_EQ(error_.code(), StatusCode::kUnavailable);
  EXPECT_THAT(error_.message(), HasSubstr(pulsar().address()));
  ASSERT_TRUE(pulsar().Restart().ok());
  NewProducer("outage").Write(Numbers(200, 300));
  ASSERT_TRUE(PollUntil([this] { return values_.size() >= 300; }));
  EXPECT_EQ(values_, Numbers(0, 300));
  ASSERT_TRUE(PollUntil([this] { return error_.ok(); }));
}

void PulsarLogPulsarTest::FindsThatRecordsHaveExpired() {
  PulsarProducer producer = NewProducer("retention");
  producer.Write(Numbers(0, 10));
  Add("retention");
  ASSERT_TRUE(PollUntil([this] { return values_.size() >= 10; }));
  reader_->Remove("retention");
  ASSERT_TRUE(pulsar().Forget("retention").ok());
  const LogPosition old{ids_[4], true};
  EXPECT_EQ(log_->CheckPosition("retention", old).code(), StatusCode::kOutOfRange);
  producer.Write(Numbers(10, 12));
  const Status expired = log_->CheckPosition("retention", old);
  EXPECT_EQ(expired.code(), StatusCode::kOutOfRange);
  EXPECT_THAT(
      expired.message(),
      StartsWith("position expired: channel retention: " + log_->FormatId(ids_[4]) + " < "));
  // The reader does not skip to what is left, and keeps reporting the error.
  Forget();
  Add("retention", old);
  ASSERT_TRUE(PollUntil([this] { return !error_.ok(); }));
  EXPECT_EQ(error_, expired);
  Poll();
  EXPECT_EQ(error_, expired);
  EXPECT_THAT(values_, IsEmpty());
  reader_->Remove("retention");
  Add("retention");
  ASSERT_TRUE(PollUntil([this] { return values_.size() >= 2; }));
  EXPECT_THAT(values_, ElementsAre("10", "11"));
}

void PulsarLogPulsarTest::SlowReadersHoldBackTheBroker() {
  Open({.address = pulsar().address(), .prefetch_bytes = 64 << 10});
  PulsarProducer producer = NewProducer("slow", Compression::kZstd);
  for (int i = 0; i < 300; ++i) {
    producer.Write({std::to_string(i) + std::string(20'000, 'x')});
  }
  Add("slow");
  ASSERT_TRUE(PollUntil([this] { return !values_.empty(); }));
  ASSERT_LT(values_.size(), 300U);
  ASSERT_TRUE(PollUntil([this] { return values_.size() >= 300; }));
  EXPECT_THAT(values_.back(), StartsWith("299x"));
}

// Those of Milvus 2.6 have a property.
void PulsarLogPulsarTest::HandsOnTheVersionOfTheWriteAheadLog() {
  PulsarProducer producer = NewProducer("versions");
  producer.Write(Numbers(0, 1), {{"msg_type", "400"}});
  producer.Write(Numbers(1, 2), {{"_v", "2"}, {"_t", "2"}});
  Add("versions");
  ASSERT_TRUE(PollUntil([this] { return values_.size() >= 2; }));
  EXPECT_THAT(versions_, ElementsAre("", "2"));
}

void PulsarLogPulsarTest::LargeRecordsOutliveTheReader() {
  const std::string value((5 << 20) - 1000, 'x');
  NewProducer("large").Write({value});
  Add("large");
  ASSERT_TRUE(PollUntil([this] { return !payloads_.empty(); }));
  reader_.reset();
  log_.reset();
  EXPECT_EQ(payloads_[0].bytes, value);
}

void PulsarLogPulsarTest::LeavesNoSubscriptionBehind() {
  NewProducer("traces").Write(Numbers(0, 2));
  Add("traces");
  ASSERT_TRUE(PollUntil([this] { return values_.size() >= 2; }));
  EXPECT_TRUE(log_->CheckPosition("traces", {ids_[0], true}).ok());
  EXPECT_EQ(*pulsar().Durable("traces"), "durable");
}

void PulsarLogPulsarTest::TokensAndCertificates() {
  NewProducer("secured").Write(Numbers(0, 2));
  PulsarOptions options{.address = pulsar().ssl_address(),
                        .auth_plugin = "token",
                        .auth_params = {{"token", pulsar().token()}},
                        .tls_ca_file = pulsar().authority()};
  Open(options);
  Add("secured");
  ASSERT_TRUE(PollUntil([this] { return values_.size() >= 2; }));
  EXPECT_THAT(values_, ElementsAre("0", "1"));

  const auto expect_refused = [](const PulsarOptions& refused, const std::string& why) {
    const Status status = OpenPulsarLog(refused).status();
    EXPECT_EQ(status.code(), StatusCode::kUnavailable) << status.ToString();
    EXPECT_THAT(status.message(), AllOf(HasSubstr(refused.address), HasSubstr(why)));
    EXPECT_THAT(status.message(), Not(HasSubstr("secret")));
  };
  PulsarOptions wrong = options;
  wrong.auth_params["token"] = "secret.secret.secret";
  expect_refused(wrong, "check authPlugin and authParams");
  wrong = options;
  wrong.tls_ca_file.clear();
  expect_refused(wrong, "set tlsCACertPath");
  wrong = options;
  wrong.tenant = "nobody";
  expect_refused(wrong, "check tenant and namespace");
  wrong.tenant = "public";
  wrong.name_space = "nowhere";
  expect_refused(wrong, "check tenant and namespace");
  wrong = options;
  wrong.address = "pulsar+ssl://" + pulsar().address().substr(std::string("pulsar://").size());
  expect_refused(wrong, "is this a listener without TLS?");
}

TEST_F(PulsarLogPulsarTest, ReadsWhatARealBrokerHolds) {
  using Step = void (PulsarLogPulsarTest::*)();
  for (const Step step : {&PulsarLogPulsarTest::FulfillsTheContract,
                          &PulsarLogPulsarTest::ReadsBatchesAndCompressedRecords,
                          &PulsarLogPulsarTest::HandsOnTheVersionOfTheWriteAheadLog,
                          &PulsarLogPulsarTest::SlowReadersHoldBackTheBroker,
                          &PulsarLogPulsarTest::LargeRecordsOutliveTheReader,
                          &PulsarLogPulsarTest::LeavesNoSubscriptionBehind,
                          &PulsarLogPulsarTest::FindsThatRecordsHaveExpired,
                          &PulsarLogPulsarTest::TokensAndCertificates,
                          &PulsarLogPulsarTest::RidesOutUnloadsAndAKilledBroker}) {
    Open({.address = pulsar().address()});
    ASSERT_FALSE(HasFatalFailure());
    (this->*step)();
    ASSERT_FALSE(HasFatalFailure());
  }
}

TEST(PulsarLogOpenTest, NobodyListensThere) {
  const Status status = OpenPulsarLog({.address = "127.0.0.1:1"}).status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("127.0.0.1:1"), HasSubstr("Connection refused")));
}

}  // namespace
}  // namespace cdc
