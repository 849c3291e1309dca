#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/wakeup.h"
#include "kafka/kafka_client.h"
#include "source/kafka/kafka_log_partition.h"
#include "source/log.h"

namespace cdc {

// Follows topics of Kafka.
//
// Each channel has a bounded queue that librdkafka fills. Nothing is taken from a paused channel,
// so its queue fills up and fetching stops; nothing is dropped or read twice.
//
// A channel with an error is stopped and restarted a moment later, right after the last record
// delivered. While no broker can be reached, Poll returns that as its error.
class KafkaLogReader : public LogReader {
 public:
  // `clock` must outlive it.
  KafkaLogReader(std::shared_ptr<KafkaClient> client, const Clock* clock);
  ~KafkaLogReader() override;

  Status Add(const std::string& channel, const std::optional<LogPosition>& start) override;
  void Remove(const std::string& channel) override;
  void SetPaused(const std::string& channel, bool paused) override;
  Status Poll(size_t max_bytes,
              std::chrono::milliseconds timeout,
              const std::stop_token& stop,
              std::vector<LogBatch>* out) override;

 private:
  struct Channel {
    std::unique_ptr<KafkaPartition> partition;
    std::optional<int64_t> next;  // offset of the next record to deliver; unset: the oldest
    bool paused = false;
    bool existed = false;        // the topic has existed
    Clock::TimePoint try_after;  // the earliest time of the next attempt
    Status error;
  };

  // Takes the available records. Returns whether there is news: records, or an unreported error.
  bool ReadAll(size_t max_bytes, std::vector<LogBatch>* out);
  // Starts reading if the topic exists. Stores an error in the channel.
  void Begin(const std::string& name, Channel* channel);
  Status TryBegin(const std::string& name, Channel* channel);
  Status Read(size_t max_bytes, Channel* channel, std::vector<LogRecord>* records);
  Status Explain(const std::string& name, const Channel& channel, const Status& error);
  // During a failure: checks whether it still holds.
  void Retry();
  std::chrono::milliseconds UntilNextTry() const;

  const std::shared_ptr<KafkaClient> client_;
  const Clock* const clock_;
  Wakeup wakeup_;
  Clock::TimePoint ping_after_;
  std::map<std::string, Channel> channels_;
};

}  // namespace cdc
