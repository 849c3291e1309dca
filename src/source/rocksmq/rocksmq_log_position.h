#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/status.h"
#include "source/rocksmq/rocksmq_log_store.h"

namespace cdc {

// Where a record is, or why it is not there. RocksMQ deletes from the front of a topic only.
enum class RocksmqPlace {
  kThere,    // the iterator stands on it
  kExpired,  // older than everything that is left
  kBeyond,   // newer than everything, or the topic holds nothing
  kAbsent,   // between the oldest and the newest: it never was in this store
};

struct RocksmqLocation {
  RocksmqPlace place = RocksmqPlace::kThere;
  // Of the topic; not set with kThere, nor if it is empty.
  std::optional<int64_t> oldest;
  std::optional<int64_t> newest;
};

// Looks for record `id` in the iterator's topic, and leaves the iterator on it, else on the oldest.
// The iterator's own errors.
Result<RocksmqLocation> LocateRocksmq(RocksmqIterator* iterator, int64_t id);

// What it means for a reader that wants to begin at `id`. kOutOfRange: expired.
// kFailedPrecondition: it is not of this store.
Status CheckRocksmqStart(const std::string& topic, int64_t id, const RocksmqLocation& location);

}  // namespace cdc
