#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/kafka/kafka_log_client.h"
#include "source/kafka/kafka_log_partition.h"
#include "source/log.h"

namespace cdc {

// Follows topics of Kafka.
//
// Each channel has a bounded queue that librdkafka fills; a paused one is simply not taken from, so
// it fills up and is no longer fetched, and nothing of it is ever dropped or read twice.
//
// A channel that met an error is stopped and begins anew, a moment later, right behind the last
// record that was delivered. While no broker can be reached, Poll returns that as its error.
class KafkaLogReader : public LogReader {
 public:
  explicit KafkaLogReader(std::shared_ptr<KafkaClient> client);
  ~KafkaLogReader() override;

  Status Add(const std::string& channel, const std::optional<LogPosition>& start) override;
  void Remove(const std::string& channel) override;
  void SetPaused(const std::string& channel, bool paused) override;
  Status Poll(size_t max_bytes,
              std::chrono::milliseconds timeout,
              const std::stop_token& stop,
              std::vector<LogBatch>* out) override;

 private:
  using Clock = std::chrono::steady_clock;

  struct Channel {
    std::unique_ptr<KafkaPartition> partition;
    std::optional<int64_t> next;  // offset of the record to deliver; none: the first there is
    bool paused = false;
    bool existed = false;         // the topic was there before
    Clock::time_point try_after;  // not earlier does it begin
    Status error;
  };

  // Takes what is there. Returns whether there is news: records, or an error not yet told.
  bool ReadAll(size_t max_bytes, std::vector<LogBatch>* out);
  // Begins to read if the topic exists. An error is kept in the channel.
  void Begin(const std::string& name, Channel* channel);
  Status TryBegin(const std::string& name, Channel* channel);
  Status Read(size_t max_bytes, Channel* channel, std::vector<LogRecord>* records);
  Status Explain(const std::string& name, const Channel& channel, const Status& error);
  // While there is a failure: whether it still holds.
  void Retry();
  std::chrono::milliseconds UntilNextTry() const;

  const std::shared_ptr<KafkaClient> client_;
  KafkaWakeup wakeup_;
  Clock::time_point ping_after_;
  std::map<std::string, Channel> channels_;
};

}  // namespace cdc
