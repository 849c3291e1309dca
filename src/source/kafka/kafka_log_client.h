#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "base/status.h"
#include "source/kafka/kafka_log.h"
#include "source/kafka/kafka_log_offset.h"

struct rd_kafka_s;
struct rd_kafka_queue_s;

namespace cdc {

// Wakes the thread of a reader; signalled by librdkafka's threads.
class KafkaWakeup {
 public:
  void Signal();
  // Forgets signals so far; what they announced is to be looked at after it.
  void Reset();
  // Until a signal after the last Reset, at most `timeout`, or until `stop`.
  void Wait(std::chrono::milliseconds timeout, const std::stop_token& stop);

 private:
  Mutex mutex_;
  CondVar signal_;
  bool signalled_ CDC_GUARDED_BY(mutex_) = false;
};

// A librdkafka consumer without a group: connections to the cluster, and what it says about them.
// Thread-safe. Whatever holds something of librdkafka's shares it: it is closed with the last one.
class KafkaClient {
 public:
  // Makes no connection yet. kInvalidArgument: a setting is wrong.
  static Result<std::shared_ptr<KafkaClient>> New(const KafkaOptions& options);
  ~KafkaClient();
  KafkaClient(const KafkaClient&) = delete;
  KafkaClient& operator=(const KafkaClient&) = delete;

  rd_kafka_s* handle() const { return handle_; }

  // Writes librdkafka's log to ours and takes note of errors. To be called now and then.
  void Serve();

  // Not ok since no broker could be reached or none let us in, with the reason.
  Status failure() const;
  // A broker has answered.
  void ClearFailure();

  // Signals when Serve has something to do; nullptr: no longer.
  void SetWakeup(KafkaWakeup* wakeup);

  // Each asks a broker and waits for the answer, as long as `timeout` or until it is clear that
  // none comes. kUnavailable: with librdkafka's or the broker's words.

  Status Ping(std::chrono::milliseconds timeout);
  // Whether the topic has a partition 0.
  Result<bool> HasTopic(const std::string& topic, std::chrono::milliseconds timeout);
  // nullopt: there is no such topic.
  Result<std::optional<KafkaWatermarks>> Watermarks(const std::string& topic,
                                                    std::chrono::milliseconds timeout);

  // Called by librdkafka in Serve.
  void OnError(int code, const char* reason);

 private:
  struct QueueCloser {
    void operator()(rd_kafka_queue_s* queue) const;
  };

  explicit KafkaClient(std::string address) : address_(std::move(address)) {}

  Status Unavailable(const std::string& what) const;
  uint64_t failures() const;
  // What a call that failed with this code is to be reported as.
  Status CallFailed(const char* call, int code);

  const std::string address_;
  rd_kafka_s* handle_ = nullptr;
  std::unique_ptr<rd_kafka_queue_s, QueueCloser> main_queue_;

  mutable Mutex mutex_;
  Status failure_ CDC_GUARDED_BY(mutex_);
  uint64_t failures_ CDC_GUARDED_BY(mutex_) = 0;  // how often it was set with a reason
  std::string last_reason_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
