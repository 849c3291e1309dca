#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/status.h"
#include "source/rocksmq/rocksmq_log_store.h"

namespace cdc {

// Where a record is, or why it is missing. RocksMQ deletes only from the front of a topic.
enum class RocksmqPlace {
  kThere,    // the iterator is on it
  kExpired,  // older than everything that is left
  kBeyond,   // newer than everything, or the topic is empty
  kAbsent,   // between the oldest and the newest: it was never in this store
};

struct RocksmqLocation {
  RocksmqPlace place = RocksmqPlace::kThere;
  // Of the topic; unset with kThere and for an empty topic.
  std::optional<int64_t> oldest;
  std::optional<int64_t> newest;
};

// Looks up record `id` in the iterator's topic and leaves the iterator on it, otherwise on the
// oldest record. Returns the iterator's errors.
Result<RocksmqLocation> LocateRocksmq(RocksmqIterator* iterator, int64_t id);

// What the location means to a reader that starts at `id`. kOutOfRange: expired.
// kFailedPrecondition: the id is not from this store.
Status CheckRocksmqStart(const std::string& topic, int64_t id, const RocksmqLocation& location);

}  // namespace cdc
