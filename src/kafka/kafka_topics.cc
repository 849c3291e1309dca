#include "kafka/kafka_topics.h"

#include <algorithm>
#include <array>
#include <memory>

#include <librdkafka/rdkafka.h>

#include "kafka/kafka_error.h"
#include "kafka/kafka_handles.h"

namespace cdc {
namespace {

constexpr size_t kMaxName = 249;

using Wish = std::unique_ptr<rd_kafka_NewTopic_t, Freed<rd_kafka_NewTopic_destroy>>;
using Options = std::unique_ptr<rd_kafka_AdminOptions_t, Freed<rd_kafka_AdminOptions_destroy>>;
using Queue = std::unique_ptr<rd_kafka_queue_t, Freed<rd_kafka_queue_destroy>>;
using Event = std::unique_ptr<rd_kafka_event_t, Freed<rd_kafka_event_destroy>>;

Result<Wish> ToWish(const NewTopic& topic) {
  std::array<char, 512> text{};
  Wish wish(rd_kafka_NewTopic_new(topic.name.c_str(), topic.partitions, topic.replication_factor,
                                  text.data(), text.size()));
  if (wish == nullptr) {
    return InvalidArgumentError("topic " + topic.name + ": " + text.data());
  }
  if (topic.compacted) {
    rd_kafka_NewTopic_set_config(wish.get(), "cleanup.policy", "compact");
  }
  return wish;
}

Status CheckResult(const rd_kafka_topic_result_t& result) {
  const auto code = rd_kafka_topic_result_error(&result);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
    return OkStatus();
  }
  const char* words = rd_kafka_topic_result_error_string(&result);
  return KafkaError(code, words != nullptr ? words : rd_kafka_err2str(code))
      .WithContext("topic " + std::string(rd_kafka_topic_result_name(&result)) +
                   " cannot be created");
}

}  // namespace

Status CheckTopicName(const std::string& name) {
  const bool fits = !name.empty() && name.size() <= kMaxName && name != "." && name != "..";
  const bool legal = std::ranges::all_of(name, [](unsigned char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= '0' && letter <= '9') || letter == '.' || letter == '_' || letter == '-';
  });
  return fits && legal
             ? OkStatus()
             : InvalidArgumentError("\"" + name +
                                    "\" cannot be the name of a topic: Kafka takes 1 to 249 ASCII "
                                    "letters, digits, dots, underscores and hyphens");
}

Status CreateTopics(KafkaClient* client,
                    const std::vector<NewTopic>& topics,
                    std::chrono::milliseconds timeout) {
  std::vector<Wish> wishes;
  std::vector<rd_kafka_NewTopic_t*> asked;
  for (const NewTopic& topic : topics) {
    CDC_RETURN_IF_ERROR(CheckTopicName(topic.name));
    CDC_ASSIGN_OR_RETURN(Wish wish, ToWish(topic));
    asked.push_back(wish.get());
    wishes.push_back(std::move(wish));
  }
  if (asked.empty()) {
    return OkStatus();
  }
  const Options options(
      rd_kafka_AdminOptions_new(client->handle(), RD_KAFKA_ADMIN_OP_CREATETOPICS));
  std::array<char, 512> text{};
  // The broker answers when all brokers know the topic.
  for (const auto set :
       {rd_kafka_AdminOptions_set_operation_timeout, rd_kafka_AdminOptions_set_request_timeout}) {
    if (set(options.get(), ToMs(timeout), text.data(), text.size()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return InvalidArgumentError(text.data());
    }
  }
  const Queue queue(rd_kafka_queue_new(client->handle()));
  rd_kafka_CreateTopics(client->handle(), asked.data(), asked.size(), options.get(), queue.get());
  // Every request ends with an event, at the latest when its own time is over.
  const Event event(rd_kafka_queue_poll(queue.get(), -1));
  client->Serve();
  if (const auto code = rd_kafka_event_error(event.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const Status refused = KafkaError(code, rd_kafka_event_error_string(event.get()));
    return refused.code() == StatusCode::kUnavailable ? client->CallFailed("creating topics", code)
                                                      : refused;
  }
  size_t count = 0;
  const auto* const* results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (size_t i = 0; i < count; ++i) {
    CDC_RETURN_IF_ERROR(CheckResult(*results[i]));
  }
  client->ClearFailure();
  return OkStatus();
}

}  // namespace cdc
