#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/log.h"
#include "source/storage/storage.h"
#include "source/woodpecker/woodpecker_channel.h"
#include "source/woodpecker/woodpecker_log.h"
#include "source/woodpecker/woodpecker_meta.h"

namespace cdc {

// Follows logs of Woodpecker, each by a WoodpeckerChannel. Nothing is taken from a paused channel,
// so its queue fills up and it stops reading.
class WoodpeckerLogReader : public LogReader {
 public:
  WoodpeckerLogReader(std::shared_ptr<WoodpeckerMeta> meta,
                      std::shared_ptr<Storage> storage,
                      const WoodpeckerOptions& options);
  ~WoodpeckerLogReader() override;

  Status Add(const std::string& channel, const std::optional<LogPosition>& start) override;
  void Remove(const std::string& channel) override;
  void SetPaused(const std::string& channel, bool paused) override;
  Status Poll(size_t max_bytes,
              std::chrono::milliseconds timeout,
              const std::stop_token& stop,
              std::vector<LogBatch>* out) override;

 private:
  struct Followed {
    std::unique_ptr<WoodpeckerChannel> channel;
    bool paused = false;
    Status error;
  };

  // Takes what is queued. Returns whether there is news: records, or an unreported error.
  bool TakeAll(size_t max_bytes, std::vector<LogBatch>* out);
  // Removed channels end in their own time: nobody waits for them.
  void Bury();

  const std::shared_ptr<WoodpeckerMeta> meta_;
  const std::shared_ptr<Storage> storage_;
  const WoodpeckerOptions options_;
  Wakeup wakeup_;
  std::map<std::string, Followed> channels_;
  std::vector<std::unique_ptr<WoodpeckerChannel>> leaving_;
};

}  // namespace cdc
