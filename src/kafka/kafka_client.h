#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/wakeup.h"
#include "kafka/kafka_connection.h"

struct rd_kafka_message_s;
struct rd_kafka_queue_s;
struct rd_kafka_s;

namespace cdc {

// The extent of a partition: the offsets in [low, high).
struct KafkaWatermarks {
  int64_t low = 0;
  int64_t high = 0;
};

enum class KafkaRole { kConsumer, kProducer };

struct KafkaClientOptions {
  KafkaRole role = KafkaRole::kConsumer;
  KafkaSettingMap settings{};
  const Clock* clock = &Clock::Real();
  // Of a producer: called within Serve and flushes, once for each record.
  std::function<void(const rd_kafka_message_s& record)> on_delivered{};
};

// A client of librdkafka (a consumer belongs to no group): connections to the cluster and their
// errors. Thread-safe. Holders of librdkafka objects share it: the last one closes it.
class KafkaClient {
 public:
  // Does not connect yet. kInvalidArgument: a setting is wrong.
  static Result<std::shared_ptr<KafkaClient>> New(KafkaClientOptions options);
  ~KafkaClient();
  KafkaClient(const KafkaClient&) = delete;
  KafkaClient& operator=(const KafkaClient&) = delete;

  rd_kafka_s* handle() const { return handle_; }

  // Passes librdkafka's log to ours and records errors. Call it regularly.
  void Serve();

  // Not OK, with the reason, while no broker can be reached or none accepts our credentials.
  Status failure() const;
  // Call it when a broker has answered.
  void ClearFailure();

  // Has `wakeup` signaled when Serve has work; nullptr ends that.
  void SetWakeup(Wakeup* wakeup);

  // Each of these asks a broker and waits for the answer, until `timeout` or until it is clear that
  // none will come. kUnavailable: with the text of librdkafka or the broker. kPermissionDenied: an
  // access list forbids it.

  // kCancelled: stopped.
  Status Ping(std::chrono::milliseconds timeout, const std::stop_token& stop = {});
  // The number of the topic's partitions; 0: there is no such topic.
  Result<int> CountPartitions(const std::string& topic, std::chrono::milliseconds timeout);
  // With the setting isolation.level=read_committed (librdkafka's default) `high` is below open
  // transactions. nullopt: there is no such partition.
  Result<std::optional<KafkaWatermarks>> Watermarks(const std::string& topic,
                                                    int partition,
                                                    std::chrono::milliseconds timeout);

  // The status for a call that failed with this code of librdkafka: kUnavailable, with what is
  // known of the connection if it is at fault.
  Status CallFailed(const std::string& call, int code);

  // Called by librdkafka within Serve.
  void OnError(int code, const char* reason);
  void OnDelivered(const rd_kafka_message_s& record) const { on_delivered_(record); }

 private:
  struct QueueCloser {
    void operator()(rd_kafka_queue_s* queue) const;
  };

  explicit KafkaClient(KafkaClientOptions options);

  Status Unavailable(const std::string& what) const;
  uint64_t failures() const;

  const std::string address_;
  const Clock* const clock_;
  const std::function<void(const rd_kafka_message_s&)> on_delivered_;
  rd_kafka_s* handle_ = nullptr;
  std::unique_ptr<rd_kafka_queue_s, QueueCloser> main_queue_;

  mutable Mutex mutex_;
  Status failure_ CDC_GUARDED_BY(mutex_);
  uint64_t failures_ CDC_GUARDED_BY(mutex_) = 0;  // how often it was set with a reason
  std::string last_reason_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
