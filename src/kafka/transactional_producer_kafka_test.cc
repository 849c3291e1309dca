// Transactions on a real broker.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <librdkafka/rdkafka.h>

#include "base/testing/eventually.h"
#include "base/testing/source_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kafka/compacted_topic.h"
#include "kafka/kafka_topics.h"
#include "kafka/testing/committed_records.h"
#include "kafka/testing/kafka_process.h"
#include "kafka/transactional_producer.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using Producer = std::unique_ptr<TransactionalProducer>;

constexpr milliseconds kTimeout{60'000};

// One broker for all tests: each has topics and producers of its own.
class TransactionalProducerKafkaTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto started = KafkaProcess::Start(SourceDir());
    ASSERT_TRUE(started.ok() || started.status().code() == StatusCode::kNotFound)
        << started.status().ToString();
    kafka_ = started.ok() ? *std::move(started) : nullptr;
  }
  static void TearDownTestSuite() { kafka_.reset(); }

  void SetUp() override {
    if (kafka_ == nullptr) {
      GTEST_SKIP() << "NOT TESTED: no Kafka, run ./dev setup";
    }
    topic_ = ::testing::UnitTest::GetInstance()->current_test_info()->name();
  }

  KafkaConnection Connection() const { return {.address = kafka_->address()}; }

  Producer Open(KafkaSettingMap settings = {}) const {
    auto opened = TransactionalProducer::Open(
        {.connection = Connection(), .transactional_id = topic_, .settings = std::move(settings)},
        kTimeout, {});
    EXPECT_TRUE(opened.ok()) << opened.status().ToString();
    return *std::move(opened);
  }

  void MakeTopic(TransactionalProducer* producer, int partitions = 1, bool compacted = false) {
    const Status made = CreateTopics(
        producer->client(), {{.name = topic_, .partitions = partitions, .compacted = compacted}},
        kTimeout);
    ASSERT_TRUE(made.ok()) << made.ToString();
  }

  // The bytes of the value are gone once the transaction is.
  Status Write(TransactionalProducer* producer, const std::string& key, const std::string& value) {
    const auto bytes = std::make_shared<const std::string>(value);
    producer->KeepUntilCommit(bytes);
    return producer->Produce(topic_, {.key = key, .value = *bytes}, {});
  }

  std::vector<CommittedRecord> Committed() const {
    auto records = ReadCommitted(Connection(), topic_);
    CDC_CHECK(records.ok());
    return *std::move(records);
  }

  // Readers see a committed transaction within moments.
  void ExpectCommitted(const std::vector<CommittedRecord>& wanted) const {
    EXPECT_TRUE(Eventually([&] { return Committed() == wanted; }))
        << ::testing::PrintToString(Committed());
  }

  CompactedTopicOptions Compacted() const { return {.connection = Connection(), .topic = topic_}; }

  static std::unique_ptr<KafkaProcess> kafka_;
  std::string topic_;
};

std::unique_ptr<KafkaProcess> TransactionalProducerKafkaTest::kafka_;

TEST_F(TransactionalProducerKafkaTest, ReadersSeeAllOfATransactionOrNothing) {
  Producer producer = Open();
  MakeTopic(producer.get());
  EXPECT_TRUE(producer->Commit({}).ok());  // of nothing
  ASSERT_TRUE(Write(producer.get(), "k", "1").ok());
  ASSERT_TRUE(Write(producer.get(), "k", "").ok());
  ASSERT_TRUE(producer->Produce(topic_, {.key = "k"}, {}).ok());
  EXPECT_EQ(producer->transaction_bytes(), 4);
  EXPECT_THAT(Committed(), IsEmpty());
  ASSERT_TRUE(producer->Commit({}).ok());
  EXPECT_EQ(producer->transaction_bytes(), 0);
  const std::vector<CommittedRecord> first = {
      {.key = "k", .value = "1"}, {.key = "k", .value = ""}, {.key = "k"}};
  ExpectCommitted(first);

  ASSERT_TRUE(Write(producer.get(), "k", "never").ok());
  producer.reset();
  producer = Open();
  ASSERT_TRUE(Write(producer.get(), "l", "2").ok());
  ASSERT_TRUE(producer->Commit({}).ok());
  auto all = first;
  all.push_back({.key = "l", .value = "2"});
  ExpectCommitted(all);
}

TEST_F(TransactionalProducerKafkaTest, ChangesOfAKeyStayInOrder) {
  const Producer producer = Open();
  MakeTopic(producer.get(), 4);
  for (int round = 0; round < 50; ++round) {
    for (int key = 0; key < 40; ++key) {
      ASSERT_TRUE(Write(producer.get(), std::to_string(key), std::to_string(round)).ok());
    }
    if (round % 10 == 9) {
      ASSERT_TRUE(producer->Commit({}).ok());
    }
  }
  EXPECT_TRUE(Eventually([&] { return Committed().size() == 50 * 40; }));
  std::map<std::string, std::pair<int, int>> seen;  // key -> its partition, its next round
  std::set<int> partitions;
  for (const CommittedRecord& record : Committed()) {
    auto [place, is_new] = seen.try_emplace(record.key, record.partition, 0);
    EXPECT_EQ(place->second.first, record.partition);
    EXPECT_EQ(record.value, std::to_string(place->second.second++));
    partitions.insert(record.partition);
  }
  EXPECT_EQ(seen.size(), 40);
  EXPECT_EQ(partitions.size(), 4);
}

TEST_F(TransactionalProducerKafkaTest, TheNewestOneOfAnIdIsTheOnlyWriter) {
  // It learns so from a record, or from the commit of what was delivered before.
  for (const bool writes_again : {true, false}) {
    const Producer old = Open();
    MakeTopic(old.get());
    ASSERT_TRUE(Write(old.get(), "k", "of the old one").ok());
    ASSERT_EQ(rd_kafka_flush(old->client()->handle(), 60'000), RD_KAFKA_RESP_ERR_NO_ERROR);
    const Producer young = Open();
    ASSERT_TRUE(Write(young.get(), "k", "of the young one").ok());
    ASSERT_TRUE(young->Commit({}).ok());
    Status fenced = writes_again ? Write(old.get(), "k", "late") : OkStatus();
    if (fenced.ok()) {
      fenced = old->Commit({});
    }
    EXPECT_EQ(fenced.code(), StatusCode::kAborted) << fenced.ToString();
    EXPECT_THAT(fenced.message(), HasSubstr("another producer"));
  }
  const CommittedRecord young{.key = "k", .value = "of the young one"};
  ExpectCommitted({young, young});
}

TEST_F(TransactionalProducerKafkaTest, ATransactionThatTakesTooLongIsToldAsThat) {
  const Producer producer = Open({{"transaction.timeout.ms", "5000"},
                                  {"message.timeout.ms", "5000"},
                                  {"socket.timeout.ms", "5000"}});
  MakeTopic(producer.get());
  ASSERT_TRUE(Write(producer.get(), "k", "v").ok());
  // The broker looks for such transactions every ten seconds.
  Status status;
  EXPECT_TRUE(Eventually([&] {
    status = Write(producer.get(), "k", "v");
    return !status.ok();
  }));
  EXPECT_EQ(status.code(), StatusCode::kAborted) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr("transaction.timeout.ms"));
  EXPECT_THAT(Committed(), IsEmpty());
}

TEST_F(TransactionalProducerKafkaTest, ARecordThatIsTooLargeIsTold) {
  const Producer producer = Open();
  MakeTopic(producer.get());
  ASSERT_TRUE(Write(producer.get(), "k", std::string(20'000'000, 'x')).ok());
  // Whatever call is the first one to learn it.
  Status status;
  EXPECT_TRUE(Eventually([&] {
    status = Write(producer.get(), "k", "v");
    return !status.ok();
  }));
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr("20000000 bytes for topic " + topic_));
}

TEST_F(TransactionalProducerKafkaTest, ATopicHasTheNewestValueOfEachKey) {
  const Status none = ReadCompactedTopic(Compacted(), {}).status();
  EXPECT_EQ(none.code(), StatusCode::kUnavailable);
  EXPECT_THAT(none.message(), HasSubstr("does not know topic"));
  Producer producer = Open();
  MakeTopic(producer.get(), 1, true);
  EXPECT_THAT(*ReadCompactedTopic(Compacted(), {}), IsEmpty());
  ASSERT_TRUE(Write(producer.get(), "a", "1").ok());
  ASSERT_TRUE(Write(producer.get(), "b", "1").ok());
  ASSERT_TRUE(Write(producer.get(), "a", "2").ok());
  ASSERT_TRUE(producer->Commit({}).ok());
  ASSERT_TRUE(producer->Produce(topic_, {.key = "b"}, {}).ok());
  ASSERT_TRUE(Write(producer.get(), "c", "").ok());
  ASSERT_TRUE(producer->Commit({}).ok());
  EXPECT_THAT(*ReadCompactedTopic(Compacted(), {}), ElementsAre(Pair("a", "2"), Pair("c", "")));

  // It waits for what is open: that may yet be committed.
  ASSERT_TRUE(Write(producer.get(), "a", "open").ok());
  ASSERT_TRUE(producer->client()->Ping(kTimeout).ok());
  CompactedTopicOptions hasty = Compacted();
  hasty.timeout = milliseconds(2'000);
  const auto waits_in_vain = [&] {
    return ReadCompactedTopic(hasty, {}).status().code() == StatusCode::kUnavailable;
  };
  EXPECT_TRUE(Eventually(waits_in_vain));  // as soon as the record has reached the broker
  producer.reset();
  producer = Open();
  EXPECT_THAT(*ReadCompactedTopic(Compacted(), {}), ElementsAre(Pair("a", "2"), Pair("c", "")));
}

TEST_F(TransactionalProducerKafkaTest, TopicsAreMadeOnceAndAsWished) {
  const Producer producer = Open();
  MakeTopic(producer.get(), 3);
  MakeTopic(producer.get(), 5);
  EXPECT_EQ(*producer->client()->CountPartitions(topic_, kTimeout), 3);
  const Status replicas =
      CreateTopics(producer->client(), {{.name = "replicas", .replication_factor = 7}}, kTimeout);
  EXPECT_EQ(replicas.code(), StatusCode::kInvalidArgument) << replicas.ToString();
  EXPECT_THAT(replicas.message(), HasSubstr("topic replicas"));
  EXPECT_EQ(*producer->client()->CountPartitions("replicas", kTimeout), 0);
}

TEST_F(TransactionalProducerKafkaTest, PasswordsAndCertificates) {
  const auto open = [this](const KafkaConnection& connection, KafkaSettingMap settings) {
    return TransactionalProducer::Open(
               {.connection = connection, .transactional_id = topic_, .settings = settings},
               kTimeout, {})
        .status();
  };
  KafkaConnection sasl{.address = kafka_->sasl_address(),
                       .sasl_username = KafkaProcess::kUser,
                       .sasl_password = KafkaProcess::kPassword,
                       .security_protocol = "SASL_PLAINTEXT"};
  EXPECT_TRUE(open(sasl, {}).ok());
  sasl.sasl_password = "wrong";
  EXPECT_THAT(open(sasl, {}).message(), HasSubstr("Authentication failed"));
  const KafkaConnection ssl{.address = kafka_->ssl_address(), .security_protocol = "SSL"};
  EXPECT_TRUE(open(ssl, {{"ssl.ca.location", kafka_->authority()}}).ok());
  EXPECT_THAT(open(ssl, {}).message(), HasSubstr("certificate verify failed"));
}

// Each transaction writes a number and, to another topic, that it has done so. Whatever happens to
// the broker and to the writer, whoever starts from there writes each number once.
class Counting {
 public:
  static constexpr int kLast = 400;
  static constexpr int kDeserted = 37;  // after so many numbers a writer leaves with one half done

  Counting(KafkaConnection connection, std::string topic)
      : connection_(std::move(connection)), topic_(std::move(topic)) {}

  // The broker may be away at any time.
  void Run() {
    Producer deserted;
    while (written_ < kLast) {
      auto opened = TransactionalProducer::Open(
          {.connection = connection_, .transactional_id = topic_}, milliseconds(10'000), {});
      deserted.reset();
      const auto found = opened.ok() ? FindWritten() : opened.status();
      if (!found.ok()) {
        EXPECT_TRUE(IsRetryable(found.status())) << found.status().ToString();
        continue;
      }
      written_ = *found;
      deserted = *std::move(opened);
      Write(deserted.get());
    }
  }

  std::string progress_topic() const { return topic_ + ".progress"; }
  int written() const { return written_; }

 private:
  Result<int> FindWritten() const {
    CDC_ASSIGN_OR_RETURN(
        const auto found,
        ReadCompactedTopic({.connection = connection_, .topic = progress_topic()}, {}));
    return found.empty() ? 0 : std::stoi(found.at("n"));
  }

  void Write(TransactionalProducer* producer) {
    for (int count = 1; written_ < kLast; ++count) {
      const auto text = std::make_shared<const std::string>(std::to_string(written_ + 1));
      producer->KeepUntilCommit(text);
      const bool done =
          producer->Produce(topic_, {.key = *text, .value = *text}, {}).ok() &&
          count % kDeserted != 0 &&
          producer->Produce(progress_topic(), {.key = "n", .value = *text}, {}).ok() &&
          producer->Commit({}).ok();
      if (!done) {
        return;
      }
      ++written_;
    }
  }

  const KafkaConnection connection_;
  const std::string topic_;
  std::atomic<int> written_{0};
};

TEST_F(TransactionalProducerKafkaTest, KillsLoseAndDoubleNothing) {
  constexpr int kKills = 4;
  Counting counting(Connection(), topic_);
  {
    const Producer producer = Open();
    MakeTopic(producer.get(), 3);
    ASSERT_TRUE(CreateTopics(producer->client(),
                             {{.name = counting.progress_topic(), .compacted = true}}, kTimeout)
                    .ok());
  }
  {
    const std::jthread killer([&](const std::stop_token& stop) {
      for (int kill = 1; kill <= kKills; ++kill) {
        CDC_CHECK(Eventually([&] {
          return counting.written() >= kill * Counting::kLast / (kKills + 1) ||
                 stop.stop_requested();
        }));
        CDC_CHECK(kafka_->Kill().ok() && kafka_->Restart().ok());
      }
    });
    counting.Run();
  }
  const auto numbers = [this] {
    std::vector<int> found;
    for (const CommittedRecord& record : Committed()) {
      found.push_back(std::stoi(*record.value));
    }
    std::ranges::sort(found);
    return found;
  };
  std::vector<int> wanted(Counting::kLast);
  std::iota(wanted.begin(), wanted.end(), 1);
  EXPECT_TRUE(Eventually([&] { return numbers().size() >= wanted.size(); }));
  EXPECT_EQ(numbers(), wanted);
}

}  // namespace
}  // namespace cdc
