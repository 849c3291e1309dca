#include "kafka/testing/committed_records.h"

#include <chrono>
#include <utility>

#include <librdkafka/rdkafka.h>

#include "base/testing/eventually.h"
#include "kafka/kafka_client.h"
#include "kafka/kafka_handles.h"

namespace cdc {
namespace {

constexpr int kSliceMs = 100;

void Add(const rd_kafka_message_t& message, std::vector<CommittedRecord>* records) {
  CommittedRecord record{
      .partition = message.partition,
      .key = std::string(static_cast<const char*>(message.key), message.key_len)};
  if (message.payload != nullptr) {
    record.value = std::string(static_cast<const char*>(message.payload), message.len);
  }
  records->push_back(std::move(record));
}

// Reads to the end that committed records have.
Status ReadPartition(rd_kafka_topic_t* topic,
                     int partition,
                     std::vector<CommittedRecord>* records) {
  CDC_CHECK(rd_kafka_consume_start(topic, partition, RD_KAFKA_OFFSET_BEGINNING) == 0);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  Status status = DeadlineExceededError("the topic's end was not reached");
  while (std::chrono::steady_clock::now() < deadline) {
    const KafkaMessageHandle message(rd_kafka_consume(topic, partition, kSliceMs));
    if (message == nullptr) {
      continue;
    }
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      Add(*message, records);
    }
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      status = OkStatus();
      break;
    }
  }
  rd_kafka_consume_stop(topic, partition);
  return status;
}

}  // namespace

Result<std::vector<CommittedRecord>> ReadCommitted(const KafkaConnection& connection,
                                                   const std::string& topic) {
  CDC_ASSIGN_OR_RETURN(KafkaSettingMap settings, ConnectionSettings(connection));
  settings["isolation.level"] = "read_committed";
  settings["enable.partition.eof"] = "true";
  CDC_ASSIGN_OR_RETURN(const auto client, KafkaClient::New({.settings = std::move(settings)}));
  CDC_ASSIGN_OR_RETURN(const int partitions, client->CountPartitions(topic, kPatience));
  const KafkaTopicHandle opened(rd_kafka_topic_new(client->handle(), topic.c_str(), nullptr));
  std::vector<CommittedRecord> records;
  for (int partition = 0; partition < partitions; ++partition) {
    CDC_RETURN_IF_ERROR(ReadPartition(opened.get(), partition, &records));
  }
  return records;
}

}  // namespace cdc
