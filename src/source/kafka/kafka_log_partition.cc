#include "source/kafka/kafka_log_partition.h"

#include <string_view>
#include <utility>

#include <librdkafka/rdkafka.h>

#include "source/log.h"

namespace cdc {
namespace {

// Values up to this size are copied, so that a tick held for long does not keep the whole fetch
// buffer alive.
constexpr size_t kCopiedValue = 4096;

// Keeps a record's buffer alive, and the client it belongs to.
class MessageOwner {
 public:
  MessageOwner(std::shared_ptr<KafkaClient> client, rd_kafka_message_t* message)
      : client_(std::move(client)), message_(message) {}
  ~MessageOwner() { rd_kafka_message_destroy(message_); }
  MessageOwner(const MessageOwner&) = delete;
  MessageOwner& operator=(const MessageOwner&) = delete;

 private:
  const std::shared_ptr<KafkaClient> client_;
  rd_kafka_message_t* const message_;
};

Status ToStatus(const rd_kafka_message_t& message) {
  std::string text = rd_kafka_err2str(message.err);
  if (const char* detail = rd_kafka_message_errstr(&message); detail != nullptr && text != detail) {
    text += ": " + std::string(detail);
  }
  switch (message.err) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE: return OutOfRangeError(text);
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART: return NotFoundError(text);
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR_INVALID_MSG: return DataLossError(text);
    default: return UnavailableError(text);
  }
}

std::shared_ptr<const WalProperties> ReadWal(const rd_kafka_message_t& message) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return nullptr;
  }
  return ReadWalProperties([headers](const char* name) {
    const void* value = nullptr;
    size_t size = 0;
    return rd_kafka_header_get_last(headers, name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR &&
                   value != nullptr
               ? std::string_view(static_cast<const char*>(value), size)
               : std::string_view();
  });
}

}  // namespace

void KafkaPartition::TopicCloser::operator()(rd_kafka_topic_s* topic) const {
  rd_kafka_topic_destroy(topic);
}

// Unhook the wakeup first: librdkafka's threads may still signal.
void KafkaPartition::QueueCloser::operator()(rd_kafka_queue_s* queue) const {
  rd_kafka_queue_cb_event_enable(queue, nullptr, nullptr);
  rd_kafka_queue_destroy(queue);
}

KafkaPartition::KafkaPartition(std::shared_ptr<KafkaClient> client, rd_kafka_topic_s* topic)
    : client_(std::move(client)), topic_(topic) {}

Result<std::unique_ptr<KafkaPartition>> KafkaPartition::Open(std::shared_ptr<KafkaClient> client,
                                                             const std::string& topic,
                                                             Wakeup* wakeup) {
  rd_kafka_topic_t* opened = rd_kafka_topic_new(client->handle(), topic.c_str(), nullptr);
  if (opened == nullptr) {
    return InvalidArgumentError("topic " + topic + ": " + rd_kafka_err2str(rd_kafka_last_error()));
  }
  std::unique_ptr<KafkaPartition> partition(new KafkaPartition(std::move(client), opened));
  partition->queue_.reset(
      rd_kafka_queue_get_partition(partition->client_->handle(), topic.c_str(), kKafkaPartition));
  if (partition->queue_ == nullptr) {
    return InternalError("no queue for topic " + topic);
  }
  rd_kafka_queue_cb_event_enable(
      partition->queue_.get(),
      [](rd_kafka_t*, void* self) { static_cast<Wakeup*>(self)->Signal(); }, wakeup);
  return partition;
}

KafkaPartition::~KafkaPartition() { Stop(); }

Status KafkaPartition::Start(const std::optional<int64_t>& offset) {
  CDC_CHECK(!started_);
  if (rd_kafka_consume_start(topic_.get(), kKafkaPartition,
                             offset.value_or(RD_KAFKA_OFFSET_BEGINNING)) != 0) {
    return UnavailableError(std::string("begin to read: ") +
                            rd_kafka_err2str(rd_kafka_last_error()));
  }
  started_ = true;
  return OkStatus();
}

void KafkaPartition::Stop() {
  if (started_) {
    rd_kafka_consume_stop(topic_.get(), kKafkaPartition);
    started_ = false;
  }
}

std::optional<Result<KafkaRecord>> KafkaPartition::Next() {
  rd_kafka_message_t* message = rd_kafka_consume_queue(queue_.get(), 0);
  if (message == nullptr) {
    return std::nullopt;
  }
  auto owner = std::make_shared<const MessageOwner>(client_, message);
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return ToStatus(*message);
  }
  const std::string_view value(static_cast<const char*>(message->payload), message->len);
  KafkaRecord record{.offset = message->offset, .payload = {}, .wal = ReadWal(*message)};
  if (value.size() <= kCopiedValue) {
    record.payload = Payload::Own(std::string(value));
  } else {
    record.payload = {std::move(owner), value};
  }
  return record;
}

}  // namespace cdc
