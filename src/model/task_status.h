#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/catalog_progress.h"
#include "model/condition.h"
#include "model/copy_selection.h"
#include "model/ids.h"
#include "model/rows.h"
#include "model/takeover.h"
#include "model/task_counts.h"

namespace cdc {

// A task in one of the source's channels.
struct ChannelStatus {
  std::string channel;
  Timestamp resolved;
  Timestamp checkpoint;
  MsgId position;
  // Read but not yet acknowledged; rows that still wait for a tick are not counted.
  uint64_t rows_waiting = 0;
  uint64_t bytes_waiting = 0;
  int64_t last_tick_unix_ms = 0;  // by our clock; 0: none read yet
  // The last tick, or when it was followed; 0: it is full and not read, so its silence is no news.
  int64_t silent_since_unix_ms = 0;
  // Up to where rows of a collection were applied last, at or below the checkpoint; only of those
  // applied since the server followed the channel.
  std::map<CollectionId, Takeover> last_rows;
};

// The copy of what the source had stored of a collection before the task.
struct SnapshotStatus {
  CollectionName collection;  // its name on the source when the task was created
  CopySelection selection;
  bool done = false;
  // Acknowledged by the target, and of all that is stored; 0 until they are counted in this run.
  // Rows that were deleted count as soon as those stored with them are copied. Bytes are those of
  // the source's files, roughly.
  int64_t rows = 0;
  int64_t total_rows = 0;
  int64_t bytes = 0;
  int64_t total_bytes = 0;
  // While it is being copied, in about the last ten seconds; bytes as they are sent.
  double rows_per_second = 0;
  double bytes_per_second = 0;
  std::optional<int64_t> seconds_left;  // at this speed; unset while nothing moves
  bool log_applied = false;             // meanwhile; else the log waits until it is done
  int64_t expected_seconds = 0;         // see SnapshotProgress
  int64_t queue_seconds = 0;
};

// A collection that is left where it was.
struct SetAsideStatus {
  CollectionName collection;  // its name on the source at that time
  std::string reason;
  int64_t since_unix_ms = 0;
};

// What a running task is doing.
enum class TaskPhase {
  kSnapshot,   // a collection's stored rows are still to be copied
  kCatchUp,    // nothing is left to copy, and the lag is unknown or above kStreamingLagMs
  kStreaming,  // the lag is at most that, or there is nothing to follow
};

inline constexpr int64_t kStreamingLagMs = 10'000;

// "snapshot", "catch-up", "streaming".
constexpr const char* TaskPhaseName(TaskPhase phase) {
  switch (phase) {
    case TaskPhase::kSnapshot: return "snapshot";
    case TaskPhase::kCatchUp: return "catch-up";
    case TaskPhase::kStreaming: return "streaming";
  }
  return "";
}

// The newest tick that was sent to a channel of the target.
struct TargetTick {
  std::string channel;
  Timestamp ts;
};

// Where the target's queue has put the last rows of a collection in one of its channels.
struct TargetRows {
  CollectionName collection;  // on the target
  std::string channel;
  Timestamp ts;  // of the target
  MsgId position;
};

struct TaskStatus {
  Condition condition = Condition::kOk;
  bool idle = false;  // waiting only because there is nothing to do
  std::string reason;
  std::optional<TaskPhase> phase;  // unset while the task does not run
  int64_t since_unix_ms = 0;
  int64_t attempts = 0;  // failed attempts since then
  std::vector<ChannelStatus> channels;
  std::vector<SnapshotStatus> snapshots;  // with start_from snapshot
  std::vector<SetAsideStatus> set_aside;
  // Now minus the smallest resolved ts, or minus the smallest checkpoint, in milliseconds. Unset
  // while any channel has no such time, or if no channel is followed.
  std::optional<int64_t> source_lag_ms;
  std::optional<int64_t> lag_ms;
  bool dry_run = false;  // the counts are of what would have been written
  TaskCounts counts;
  uint64_t rows_waiting = 0;  // of `channels`, without rows that wait for a tick
  uint64_t bytes_waiting = 0;
  uint64_t records_skipped = 0;  // because they could not be decoded
  std::string last_skipped;      // channel, position and reason
  // Came after the tick with which the source had promised that nothing of their time would follow.
  uint64_t source_late_messages = 0;
  uint64_t source_unknown_messages = 0;  // of the write-ahead log, of types not known here
  std::vector<CollectionName> covers;    // source collections being replicated
  std::string target_version;
  std::vector<TargetTick> target_ticks;  // of a standby
  std::vector<TargetRows> target_rows;   // of a standby, since the task was started
  // Of a time not later than `channels`: whatever of it is applied is applied in these.
  CatalogProgress catalog;
};

}  // namespace cdc
