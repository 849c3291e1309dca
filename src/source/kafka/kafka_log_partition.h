#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/status.h"
#include "model/message.h"
#include "source/kafka/kafka_log_client.h"

struct rd_kafka_topic_s;

namespace cdc {

struct KafkaRecord {
  int64_t offset = 0;
  Payload payload;
};

// Reads partition 0 of a topic ahead into a queue of its own, which is bounded in bytes: what is
// not taken from it is not read on. Belongs to one thread.
class KafkaPartition {
 public:
  // `wakeup` is signalled when there is something to take; it must outlive this.
  static Result<std::unique_ptr<KafkaPartition>> Open(std::shared_ptr<KafkaClient> client,
                                                      const std::string& topic,
                                                      KafkaWakeup* wakeup);
  ~KafkaPartition();
  KafkaPartition(const KafkaPartition&) = delete;
  KafkaPartition& operator=(const KafkaPartition&) = delete;

  bool started() const { return started_; }
  // From `offset` on; without it from the first record there is.
  Status Start(const std::optional<int64_t>& offset);
  // Drops what was read ahead.
  void Stop();

  // The next record; nullopt if there is none now. After an error it may have stopped for good:
  // Stop and Start it.
  //
  // kOutOfRange: there is no such offset. kNotFound: the topic does not exist. kDataLoss: the
  // record is damaged. kUnavailable: anything else, with the broker's words.
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
