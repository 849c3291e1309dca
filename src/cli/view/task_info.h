#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace cdc::cli {

struct RowCounts {
  uint64_t inserted = 0;
  uint64_t upserted = 0;
  uint64_t deleted = 0;

  uint64_t Total() const { return inserted + upserted + deleted; }
};

struct ChannelInfo {
  std::string channel;
  int64_t time_ms = 0;  // everything up to it is on the target; 0: nothing yet
  std::string position;
};

// The copy of the rows that the source had stored of a collection.
struct SnapshotInfo {
  std::string collection;
  std::vector<std::string> partitions;  // empty: all
  std::string filter;                   // empty: all rows
  bool done = false;
  uint64_t rows = 0;
  uint64_t total_rows = 0;
  double rows_per_second = 0;
  double bytes_per_second = 0;
  std::optional<int64_t> seconds_left;
  bool log_applied = false;  // meanwhile
};

// A collection that is left where it was.
struct SetAsideInfo {
  std::string collection;
  std::string reason;
};

// A task as the server describes it. Members missing in the answer (of an older server) keep their
// defaults; all strings are safe to print.
struct TaskInfo {
  std::string id;
  std::string state;  // Initial, Running, Paused
  std::string condition;
  std::string phase;  // snapshot, catch-up, streaming; empty while the task does not run
  std::string reason;
  int64_t since_unix_ms = 0;
  std::string target;
  std::string target_version;
  std::string sink_mode;
  std::string sink_mode_reason;             // why this mode was chosen
  std::vector<std::string> scope;           // "db.collection", with globs
  std::vector<std::string> excluded;        // by the user
  std::vector<std::string> left_to_others;  // to older tasks with the same target
  std::vector<std::string> covers;          // currently replicated
  std::string start_from;
  uint64_t stop_at = 0;  // a timestamp of Milvus; 0: the task has no end
  bool disable_auto_start = false;
  std::vector<std::string> maps;  // "db1.a -> db2.b", "db1.* -> db2.*"
  bool sync_index = true;
  bool sync_load = true;
  bool dry_run = false;
  int64_t attempts = 0;  // failed attempts since `since_unix_ms`
  // As measured; unset while the task is not running, and before it has a channel.
  std::optional<int64_t> lag_ms;
  std::optional<int64_t> source_lag_ms;
  RowCounts rows;
  std::optional<uint64_t> bytes_written;
  uint64_t bytes_waiting = 0;
  uint64_t skipped = 0;
  std::string last_skipped;
  std::vector<ChannelInfo> channels;
  std::vector<SnapshotInfo> snapshots;
  std::vector<SetAsideInfo> set_aside;

  bool IsRunning() const { return state == "Running"; }
  // Whether stored rows are still being copied.
  bool IsCopying() const;
};

// Reads an element of a `list`, or the `task` of a `get`. Never fails: members of an unexpected
// type count as missing.
TaskInfo ReadTask(const nlohmann::ordered_json& json);

// The `tasks` of the answer to `list`, in its order.
std::vector<TaskInfo> ReadTasks(const nlohmann::ordered_json& data);

// Whether everything a running task has begun to replicate is at most `limit_ms` behind. A channel
// without a checkpoint counts as behind, since its lag is unknown.
bool IsCaughtUp(const TaskInfo& task, int64_t limit_ms);

}  // namespace cdc::cli
