#include "kafka/compacted_topic.h"

#include <memory>
#include <utility>

#include <librdkafka/rdkafka.h>

#include "kafka/kafka_client.h"
#include "kafka/kafka_error.h"
#include "kafka/kafka_handles.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;

constexpr int kReadSliceMs = 100;
constexpr int32_t kPartition = 0;

// Stops reading before the topic is closed.
class Consumption {
 public:
  static Result<std::unique_ptr<Consumption>> Start(KafkaClient* client, const std::string& name) {
    KafkaTopicHandle topic(rd_kafka_topic_new(client->handle(), name.c_str(), nullptr));
    if (topic == nullptr) {
      return InvalidArgumentError("topic " + name + ": " + rd_kafka_err2str(rd_kafka_last_error()));
    }
    if (rd_kafka_consume_start(topic.get(), kPartition, RD_KAFKA_OFFSET_BEGINNING) != 0) {
      return UnavailableError("topic " + name + ": " + rd_kafka_err2str(rd_kafka_last_error()));
    }
    return std::unique_ptr<Consumption>(new Consumption(std::move(topic)));
  }
  ~Consumption() { rd_kafka_consume_stop(topic_.get(), kPartition); }
  Consumption(const Consumption&) = delete;
  Consumption& operator=(const Consumption&) = delete;

  // nullptr: nothing came in this slice of time.
  KafkaMessageHandle Next() {
    return KafkaMessageHandle(rd_kafka_consume(topic_.get(), kPartition, kReadSliceMs));
  }

 private:
  explicit Consumption(KafkaTopicHandle topic) : topic_(std::move(topic)) {}

  const KafkaTopicHandle topic_;
};

Result<std::shared_ptr<KafkaClient>> NewConsumer(const CompactedTopicOptions& options,
                                                 const std::string& isolation) {
  CDC_ASSIGN_OR_RETURN(KafkaSettingMap settings, ConnectionSettings(options.connection));
  for (const auto& [key, value] : options.settings) {
    settings[key] = value;
  }
  settings["isolation.level"] = isolation;
  settings["enable.partition.eof"] = "true";
  settings["auto.offset.reset"] = "error";
  settings["fetch.wait.max.ms"] = "50";
  settings["allow.auto.create.topics"] = "false";
  return KafkaClient::New({.settings = std::move(settings), .clock = options.clock});
}

// The offset after the last record that the topic holds, of open transactions, too.
Result<int64_t> FindEnd(const CompactedTopicOptions& options,
                        Clock::TimePoint deadline,
                        const std::stop_token& stop) {
  CDC_ASSIGN_OR_RETURN(const auto client, NewConsumer(options, "read_uncommitted"));
  CDC_RETURN_IF_ERROR(client->Ping(Left(*options.clock, deadline), stop));
  CDC_ASSIGN_OR_RETURN(const int partitions,
                       client->CountPartitions(options.topic, Left(*options.clock, deadline)));
  if (partitions > 1) {
    return FailedPreconditionError("topic " + options.topic + " has " + std::to_string(partitions) +
                                   " partitions instead of one: delete it, or use another name");
  }
  CDC_ASSIGN_OR_RETURN(const auto found, client->Watermarks(options.topic, kPartition,
                                                            Left(*options.clock, deadline)));
  if (!found) {
    return UnavailableError("kafka " + options.connection.address + " does not know topic " +
                            options.topic);
  }
  return found->high;
}

void Store(const rd_kafka_message_t& message, std::map<std::string, std::string>* values) {
  std::string key(static_cast<const char*>(message.key), message.key_len);
  if (message.payload == nullptr) {
    values->erase(key);
  } else {
    values->insert_or_assign(std::move(key),
                             std::string(static_cast<const char*>(message.payload), message.len));
  }
}

}  // namespace

Result<std::map<std::string, std::string>> ReadCompactedTopic(const CompactedTopicOptions& options,
                                                              const std::stop_token& stop) {
  const auto deadline = options.clock->Now() + options.timeout;
  std::map<std::string, std::string> values;
  CDC_ASSIGN_OR_RETURN(const int64_t end, FindEnd(options, deadline, stop));
  if (end == 0) {
    return values;
  }
  CDC_ASSIGN_OR_RETURN(const auto client, NewConsumer(options, "read_committed"));
  CDC_ASSIGN_OR_RETURN(const auto consumption, Consumption::Start(client.get(), options.topic));
  Status reason = UnavailableError("is a transaction open?");
  int64_t next = 0;
  while (next < end) {
    const KafkaMessageHandle message = consumption->Next();
    client->Serve();
    if (message != nullptr && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      Store(*message, &values);
      next = message->offset + 1;
    } else if (message != nullptr && message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      next = message->offset;  // what follows may belong to an open transaction
    } else if (message != nullptr) {
      reason = KafkaError(message->err, rd_kafka_message_errstr(message.get()));
      if (reason.code() != StatusCode::kUnavailable) {
        return reason.WithContext("topic " + options.topic);
      }
    }
    if (stop.stop_requested()) {
      return CancelledError("stopped");
    }
    if (next < end && options.clock->Now() >= deadline) {
      CDC_RETURN_IF_ERROR(client->failure());
      return reason.WithContext("topic " + options.topic + " cannot be read to its end at " +
                                std::to_string(end));
    }
  }
  return values;
}

}  // namespace cdc
