#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "kafka/kafka_client.h"
#include "kafka/kafka_connection.h"

struct rd_kafka_error_s;
struct rd_kafka_message_s;
struct rd_kafka_topic_s;

namespace cdc {

struct ProducerOptions {
  KafkaConnection connection{};
  // Of all producers in the world that have it, the last one opened is the only one that can write.
  std::string transactional_id{};
  // Additional librdkafka settings under its own names. They override ours, except where records
  // could then be lost, repeated or reordered: those are refused.
  KafkaSettingMap settings{};
  const Clock* clock = &Clock::Real();
};

struct ProducerRecord {
  std::string_view key{};
  std::optional<std::string_view> value{};  // nullopt: a tombstone
};

// Writes records to Kafka in transactions: a reader that is set to read_committed sees all records
// of a transaction or none, in the order in which they were given for each key. Use it from one
// thread.
//
// After an error nothing but the destructor may be called, and a new one be opened. An error of
// Commit leaves open whether the transaction was committed; whoever opens a new one and then reads
// what the topics hold, knows.
//
// kUnavailable: try again later. kAborted: fenced, see KafkaError. kPermissionDenied. kCancelled:
// `stop` was requested. kFailedPrecondition: a record is larger than the broker takes.
class TransactionalProducer {
 public:
  // Connects, and ends what an earlier producer of this transactional id has left open.
  // kInvalidArgument: a setting is wrong.
  static Result<std::unique_ptr<TransactionalProducer>> Open(const ProducerOptions& options,
                                                             std::chrono::milliseconds timeout,
                                                             const std::stop_token& stop);
  // Aborts the open transaction, if the broker answers soon.
  ~TransactionalProducer();
  TransactionalProducer(const TransactionalProducer&) = delete;
  TransactionalProducer& operator=(const TransactionalProducer&) = delete;

  // Adds a record to the transaction, which begins with its first one; waits while the library's
  // buffer is full. The topic's partition follows from the key. The key is copied; the bytes of the
  // value are not: give whoever owns them to KeepUntilCommit.
  Status Produce(const std::string& topic,
                 const ProducerRecord& record,
                 const std::stop_token& stop);
  void KeepUntilCommit(std::shared_ptr<const void> owner) { kept_.push_back(std::move(owner)); }

  // Of the open transaction: the bytes of keys and values.
  size_t transaction_bytes() const { return transaction_bytes_; }

  // Returns when the open transaction is committed, whatever happens then; readers see it within
  // moments. Without one does nothing.
  Status Commit(const std::stop_token& stop);

  // For questions about topics.
  KafkaClient* client() const { return client_.get(); }

 private:
  struct TopicCloser {
    void operator()(rd_kafka_topic_s* topic) const;
  };
  using Topic = std::unique_ptr<rd_kafka_topic_s, TopicCloser>;

  explicit TransactionalProducer(const Clock* clock) : clock_(clock) {}
  Status Begin();
  Result<rd_kafka_topic_s*> TopicOf(const std::string& name);
  void OnDelivered(const rd_kafka_message_s& record);
  // The first known reason of a call that failed with this code.
  Status Explain(int code, const std::string& words) const;
  // Consumes the error.
  Status Failed(const std::string& call, rd_kafka_error_s* error);

  const Clock* const clock_;
  // Declared before the client, whose records use their bytes until it is closed.
  std::vector<std::shared_ptr<const void>> kept_;
  std::shared_ptr<KafkaClient> client_;
  std::map<std::string, Topic> topics_;
  bool open_ = false;
  size_t transaction_bytes_ = 0;
  Status delivery_error_;  // of the first record that was not delivered
};

}  // namespace cdc
