#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/status.h"
#include "base/wakeup.h"
#include "kafka/kafka_client.h"
#include "model/message.h"
#include "model/wal_properties.h"

struct rd_kafka_topic_s;

namespace cdc {

// The only partition that Milvus uses.
inline constexpr int32_t kKafkaPartition = 0;

struct KafkaRecord {
  int64_t offset = 0;
  Payload payload;
  std::shared_ptr<const WalProperties> wal;  // see LogRecord
};

// Reads partition 0 of a topic ahead into its own queue, which is bounded in bytes: when records
// are not taken, reading stops. Use it from one thread.
class KafkaPartition {
 public:
  // `wakeup` is signaled when there is something to take; it must outlive this object.
  static Result<std::unique_ptr<KafkaPartition>> Open(std::shared_ptr<KafkaClient> client,
                                                      const std::string& topic,
                                                      Wakeup* wakeup);
  ~KafkaPartition();
  KafkaPartition(const KafkaPartition&) = delete;
  KafkaPartition& operator=(const KafkaPartition&) = delete;

  bool started() const { return started_; }
  // Reads from `offset` on, or from the oldest record.
  Status Start(const std::optional<int64_t>& offset);
  // Drops what was read ahead.
  void Stop();

  // Takes the next record; nullopt if there is none now. After an error it may have stopped
  // permanently: call Stop and Start.
  //
  // kOutOfRange: the offset does not exist. kNotFound: the topic does not exist. kDataLoss: the
  // record is damaged. kUnavailable: anything else, with the broker's text.
  std::optional<Result<KafkaRecord>> Next();

 private:
  struct TopicCloser {
    void operator()(rd_kafka_topic_s* topic) const;
  };
  struct QueueCloser {
    void operator()(rd_kafka_queue_s* queue) const;
  };

  KafkaPartition(std::shared_ptr<KafkaClient> client, rd_kafka_topic_s* topic);

  const std::shared_ptr<KafkaClient> client_;
  const std::unique_ptr<rd_kafka_topic_s, TopicCloser> topic_;
  std::unique_ptr<rd_kafka_queue_s, QueueCloser> queue_;
  bool started_ = false;
};

}  // namespace cdc
