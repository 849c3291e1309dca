#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "source/kafka/kafka_log.h"
#include "source/kafka/kafka_log_offset.h"

struct rd_kafka_s;
struct rd_kafka_queue_s;

namespace cdc {

// Wakes the thread of a reader; signaled by librdkafka's threads.
class KafkaWakeup {
 public:
  void Signal();
  // Clears earlier signals. Check afterwards for what they announced.
  void Reset();
  // Waits for a signal since the last Reset, for at most `timeout`, or until `stop`.
  void Wait(std::chrono::milliseconds timeout, const std::stop_token& stop);

 private:
  Mutex mutex_;
  CondVar signal_;
  bool signalled_ CDC_GUARDED_BY(mutex_) = false;
};

// A librdkafka consumer without a group: connections to the cluster and their errors. Thread-safe.
// Holders of librdkafka objects share it: the last one closes it.
class KafkaClient {
 public:
  // Does not connect yet. kInvalidArgument: a setting is wrong.
  static Result<std::shared_ptr<KafkaClient>> New(const KafkaOptions& options);
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
  void SetWakeup(KafkaWakeup* wakeup);

  // Each of these asks a broker and waits for the answer, until `timeout` or until it is clear that
  // none will come. kUnavailable: with the text of librdkafka or the broker.

  Status Ping(std::chrono::milliseconds timeout);
  // Whether the topic has a partition 0.
  Result<bool> HasTopic(const std::string& topic, std::chrono::milliseconds timeout);
  // nullopt: the topic does not exist.
  Result<std::optional<KafkaWatermarks>> Watermarks(const std::string& topic,
                                                    std::chrono::milliseconds timeout);

  // Called by librdkafka within Serve.
  void OnError(int code, const char* reason);

 private:
  struct QueueCloser {
    void operator()(rd_kafka_queue_s* queue) const;
  };

  KafkaClient(std::string address, const Clock* clock)
      : address_(std::move(address)), clock_(clock) {}

  Status Unavailable(const std::string& what) const;
  uint64_t failures() const;
  // The status for a call that failed with this code.
  Status CallFailed(const char* call, int code);

  const std::string address_;
  const Clock* const clock_;
  rd_kafka_s* handle_ = nullptr;
  std::unique_ptr<rd_kafka_queue_s, QueueCloser> main_queue_;

  mutable Mutex mutex_;
  Status failure_ CDC_GUARDED_BY(mutex_);
  uint64_t failures_ CDC_GUARDED_BY(mutex_) = 0;  // how often it was set with a reason
  std::string last_reason_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
