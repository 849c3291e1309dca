#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "etcd/etcd_client.h"
#include "source/woodpecker/woodpecker_id.h"

namespace cdc {

struct WoodpeckerLogMeta {
  int64_t number = 0;  // the folder of its files
  // Everything up to it was given up, and may be deleted; segment -1: nothing.
  WoodpeckerId truncated;
};

struct WoodpeckerSegmentMeta {
  enum class State : int { kActive = 0, kCompleted = 2, kSealed = 3, kTruncated = 4 };

  int64_t number = 0;
  State state = State::kActive;
  int64_t last_entry = -1;  // of one that is closed; -1: it is empty

  // Nobody writes to it any more. False for states that are not known: whoever leaves a segment too
  // early loses what comes.
  bool closed() const {
    return state == State::kCompleted || state == State::kSealed || state == State::kTruncated;
  }
};

// What Woodpecker says of its logs: which there are, and their segments. Thread-safe.
//
// kUnavailable: it cannot be read now. kCancelled: stopped. kDataLoss: what is stored is malformed.
class WoodpeckerMeta {
 public:
  virtual ~WoodpeckerMeta() = default;

  virtual Result<std::optional<WoodpeckerLogMeta>> FindLog(const std::string& log,
                                                           const std::stop_token& stop) = 0;
  virtual Result<std::optional<WoodpeckerSegmentMeta>> FindSegment(const std::string& log,
                                                                   int64_t number,
                                                                   const std::stop_token& stop) = 0;
  // By number.
  virtual Result<std::vector<WoodpeckerSegmentMeta>> ListSegments(const std::string& log,
                                                                  const std::stop_token& stop) = 0;
};

// In etcd: <prefix>/logs/<log> is a LogMeta, <prefix>/logs/<log>/segments/<number> a
// SegmentMetadata.
std::unique_ptr<WoodpeckerMeta> NewWoodpeckerEtcdMeta(std::unique_ptr<EtcdClient> etcd,
                                                      const std::string& prefix);

// Decode the two. kDataLoss: malformed.
Result<WoodpeckerLogMeta> ReadWoodpeckerLogMeta(std::string_view bytes);
Result<WoodpeckerSegmentMeta> ReadWoodpeckerSegmentMeta(std::string_view bytes);

}  // namespace cdc
