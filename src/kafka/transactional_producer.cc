#include "kafka/transactional_producer.h"

#include <array>
#include <memory>
#include <string>
#include <utility>

#include <librdkafka/rdkafka.h>
#include <spdlog/spdlog.h>

#include "kafka/kafka_error.h"
#include "kafka/kafka_handles.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;

// Calls that wait do so for this long at a time, and look for a request to stop in between.
constexpr int kSliceMs = 200;
// A broker that does not end a transaction by then ends it when its time is over.
constexpr int kAbortMs = 2'000;
// A commit that takes longer may come to a good end without us: the next producer knows.
constexpr milliseconds kCommitTimeout{30'000};

const KafkaSettingMap& FixedSettings() {
  static const auto* const fixed = new KafkaSettingMap{
      {"enable.idempotence", "true"},
      {"acks", "all"},
      {"allow.auto.create.topics", "false"},
      // All changes of a key go to one partition, the one that clients in Java choose.
      {"partitioner", "murmur2_random"},
      {"log.queue", "true"},
  };
  return *fixed;
}

Result<KafkaSettingMap> SettingsOf(const ProducerOptions& options) {
  CDC_ASSIGN_OR_RETURN(KafkaSettingMap settings, ConnectionSettings(options.connection));
  KafkaSettingMap fixed = FixedSettings();
  fixed["transactional.id"] = options.transactional_id;
  settings.insert({
      // The broker ends a transaction of a producer that has died after this time; until then
      // readers of committed records wait for it.
      {"transaction.timeout.ms", "30000"},
      // Shorter than a transaction, so that the reason of a failure is the first thing known of it.
      {"message.timeout.ms", "20000"},
      // Fuller batches cost less; a commit does not wait for it.
      {"linger.ms", "5"},
      // The broker's limit counts, not the library's.
      {"message.max.bytes", "1000000000"},
      {"queue.buffering.max.messages", "1000000"},
      {"queue.buffering.max.kbytes", "262144"},
  });
  CDC_RETURN_IF_ERROR(AddUserSettings(options.settings, fixed, &settings));
  return settings;
}

bool IsTimeout(const rd_kafka_error_t* error) { return rd_kafka_error_is_retriable(error) != 0; }

}  // namespace

void TransactionalProducer::TopicCloser::operator()(rd_kafka_topic_s* topic) const {
  rd_kafka_topic_destroy(topic);
}

Result<std::unique_ptr<TransactionalProducer>> TransactionalProducer::Open(
    const ProducerOptions& options, milliseconds timeout, const std::stop_token& stop) {
  CDC_ASSIGN_OR_RETURN(KafkaSettingMap settings, SettingsOf(options));
  std::unique_ptr<TransactionalProducer> producer(new TransactionalProducer(options.clock));
  CDC_ASSIGN_OR_RETURN(
      producer->client_,
      KafkaClient::New({.role = KafkaRole::kProducer,
                        .settings = std::move(settings),
                        .clock = options.clock,
                        .on_delivered = [self = producer.get()](const rd_kafka_message_s& record) {
                          self->OnDelivered(record);
                        }}));
  const auto deadline = options.clock->Now() + timeout;
  // Says why, if nobody answers.
  CDC_RETURN_IF_ERROR(producer->client_->Ping(timeout, stop));
  while (true) {
    KafkaErrorHandle error(rd_kafka_init_transactions(producer->client_->handle(), kSliceMs));
    producer->client_->Serve();
    if (error == nullptr) {
      return producer;
    }
    if (stop.stop_requested()) {
      return CancelledError("stopped");
    }
    if (!IsTimeout(error.get()) || options.clock->Now() >= deadline) {
      return producer->Failed("opening transactional id " + options.transactional_id,
                              error.release());
    }
  }
}

TransactionalProducer::~TransactionalProducer() {
  if (open_) {
    const KafkaErrorHandle error(rd_kafka_abort_transaction(client_->handle(), kAbortMs));
    if (error != nullptr) {
      spdlog::info("kafka: a transaction is left to the broker to abort: {}",
                   rd_kafka_error_string(error.get()));
    }
  }
  if (client_ != nullptr) {
    // Otherwise closing waits for records that nobody wants any more.
    rd_kafka_purge(client_->handle(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    client_->Serve();
  }
}

Status TransactionalProducer::Begin() {
  KafkaErrorHandle error(rd_kafka_begin_transaction(client_->handle()));
  if (error != nullptr) {
    return Failed("beginning a transaction", error.release());
  }
  open_ = true;
  return OkStatus();
}

Result<rd_kafka_topic_s*> TransactionalProducer::TopicOf(const std::string& name) {
  Topic& topic = topics_[name];
  if (topic == nullptr) {
    topic.reset(rd_kafka_topic_new(client_->handle(), name.c_str(), nullptr));
    if (topic == nullptr) {
      return InvalidArgumentError("topic " + name + ": " + rd_kafka_err2str(rd_kafka_last_error()));
    }
  }
  return topic.get();
}

Status TransactionalProducer::Produce(const std::string& topic,
                                      const ProducerRecord& record,
                                      const std::stop_token& stop) {
  if (!open_) {
    CDC_RETURN_IF_ERROR(Begin());
  }
  CDC_ASSIGN_OR_RETURN(rd_kafka_topic_s* const opened, TopicOf(topic));
  const std::string_view value = record.value.value_or(std::string_view());
  // The library takes a value as something it could change, and does not without its flags. An
  // empty value must not be a tombstone.
  void* const bytes =
      record.value ? const_cast<char*>(value.data() != nullptr ? value.data() : "") : nullptr;
  while (rd_kafka_produce(opened, RD_KAFKA_PARTITION_UA, 0, bytes, value.size(), record.key.data(),
                          record.key.size(), nullptr) != 0) {
    const rd_kafka_resp_err_t code = rd_kafka_last_error();
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      client_->Serve();  // a record before it may be the reason
      return Explain(code, rd_kafka_err2str(code)).WithContext("topic " + topic);
    }
    if (stop.stop_requested()) {
      return CancelledError("stopped");
    }
    rd_kafka_poll(client_->handle(), kSliceMs);
    CDC_RETURN_IF_ERROR(delivery_error_);
  }
  transaction_bytes_ += record.key.size() + value.size();
  return OkStatus();
}

void TransactionalProducer::OnDelivered(const rd_kafka_message_s& record) {
  if (record.err == RD_KAFKA_RESP_ERR_NO_ERROR || !delivery_error_.ok()) {
    return;
  }
  // The consequence of something else, which the next call tells.
  if (record.err == RD_KAFKA_RESP_ERR__FATAL || record.err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
      record.err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) {
    return;
  }
  delivery_error_ =
      KafkaError(record.err, rd_kafka_err2str(record.err))
          .WithContext("a record of " + std::to_string(record.len) + " bytes for topic " +
                       rd_kafka_topic_name(record.rkt) + " was not delivered");
}

Status TransactionalProducer::Explain(int code, const std::string& words) const {
  if (!delivery_error_.ok()) {
    return delivery_error_;
  }
  // What was fatal first says more than what it made impossible.
  std::array<char, 512> fatal{};
  const auto first = rd_kafka_fatal_error(client_->handle(), fatal.data(), fatal.size());
  return first == RD_KAFKA_RESP_ERR_NO_ERROR ? KafkaError(code, words)
                                             : KafkaError(first, fatal.data());
}

Status TransactionalProducer::Failed(const std::string& call, rd_kafka_error_s* error) {
  const KafkaErrorHandle owned(error);
  client_->Serve();
  const int code = rd_kafka_error_code(error);
  const std::string words = rd_kafka_error_string(error);
  const Status status = Explain(code, words);
  return status.code() == StatusCode::kUnavailable ? client_->CallFailed(call + ": " + words, code)
                                                   : status.WithContext(call);
}

Status TransactionalProducer::Commit(const std::stop_token& stop) {
  if (!open_) {
    return OkStatus();
  }
  const auto deadline = clock_->Now() + kCommitTimeout;
  while (true) {
    // Delivers first what is not delivered yet. Goes on where it was after a slice that was too
    // short.
    KafkaErrorHandle error(rd_kafka_commit_transaction(client_->handle(), kSliceMs));
    client_->Serve();
    if (error == nullptr) {
      break;
    }
    if (!IsTimeout(error.get()) || !delivery_error_.ok() || clock_->Now() >= deadline) {
      return Failed("committing", error.release());
    }
    if (stop.stop_requested()) {
      return CancelledError("stopped");
    }
  }
  client_->ClearFailure();
  open_ = false;
  transaction_bytes_ = 0;
  kept_.clear();
  return OkStatus();
}

}  // namespace cdc
