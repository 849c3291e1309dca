#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "source/log.h"
#include "source/pulsar/pulsar_channel.h"
#include "source/pulsar/pulsar_client.h"

namespace cdc {

// Follows topics of Pulsar, each by a PulsarChannel. Nothing is taken from a paused channel, so its
// queue fills up and it stops reading.
class PulsarLogReader : public LogReader {
 public:
  // `clock` must outlive it.
  PulsarLogReader(std::shared_ptr<PulsarClient> client, size_t prefetch_bytes, const Clock* clock)
      : client_(std::move(client)), prefetch_bytes_(prefetch_bytes), clock_(clock) {}
  ~PulsarLogReader() override;

  Status Add(const std::string& channel, const std::optional<LogPosition>& start) override;
  void Remove(const std::string& channel) override;
  void SetPaused(const std::string& channel, bool paused) override;
  Status Poll(size_t max_bytes,
              std::chrono::milliseconds timeout,
              const std::stop_token& stop,
              std::vector<LogBatch>* out) override;

 private:
  struct Followed {
    std::unique_ptr<PulsarChannel> channel;
    bool paused = false;
    Status error;
  };

  // Takes what is queued. Returns whether there is news: records, or an unreported error.
  bool TakeAll(size_t max_bytes, std::vector<LogBatch>* out);
  // Removed channels end in their own time: nobody waits for them.
  void Bury();

  const std::shared_ptr<PulsarClient> client_;
  const size_t prefetch_bytes_;
  const Clock* const clock_;
  Wakeup wakeup_;
  std::map<std::string, Followed> channels_;
  std::vector<std::unique_ptr<PulsarChannel>> leaving_;
};

}  // namespace cdc
