#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/catalog_progress.h"
#include "model/condition.h"
#include "model/ids.h"
#include "model/rows.h"
#include "model/tls.h"

namespace cdc {

enum class TaskState : int { kInitial = 0, kRunning = 1, kPaused = 2 };

// "Initial", "Running", "Paused".
std::string_view TaskStateName(TaskState state);

enum class StartFrom { kLatest, kEarliest };

// How a task handles a record of the source that cannot be decoded.
enum class OnUndecodable { kStop, kSkip };

// "stop", "skip".
std::string_view OnUndecodableName(OnUndecodable policy);
std::optional<OnUndecodable> ParseOnUndecodable(std::string_view name);

// How changes get to the target.
enum class SinkMode {
  kAuto,       // decided at create by the kind of target
  kApi,        // Insert, Upsert, Delete
  kReplicate,  // ReplicateMessage, to a standby
};

// "auto", "api", "replicate".
std::string_view SinkModeName(SinkMode mode);
std::optional<SinkMode> ParseSinkMode(std::string_view name);

// A name in a task's scope, with globs: `*` for any characters, `?` for one.
struct CollectionInfo {
  std::string name;
  std::map<std::string, std::string> positions;  // vchannel -> base64 of MsgPosition
  bool use_start_position = false;
  bool operator==(const CollectionInfo&) const = default;
};

// The connection parameters of the target as given by the user.
struct MilvusConnectParam {
  std::string uri;
  std::string token;
  std::string host;
  int port = 0;
  bool enable_tls = false;
  std::string username;
  std::string password;
  int channel_num = 0;
  int connect_timeout = 0;  // seconds; 0: 5
  bool ignore_partition = false;
  TlsOptions tls;

  // "http(s)://host:port"; the host as given.
  std::string ResolvedUri() const;
  // user:password or an API key.
  std::string ResolvedToken() const;
  int ConnectTimeoutSeconds() const { return connect_timeout > 0 ? connect_timeout : 5; }
};

// Different names on the target. Without `collections` the whole database maps to
// `target_database`; a collection's own entry takes precedence over its database's.
struct NameMapping {
  std::string source_database;
  std::string target_database;
  std::map<std::string, std::string> collections;  // name on the source -> name on the target
  bool operator==(const NameMapping&) const = default;
};

// "db.collection", with globs: left to an older task with the same target, except for what that
// task leaves out.
struct LeftName {
  std::string pattern;
  std::vector<LeftName> except;
  static constexpr int kMaxDepth = 16;  // nesting of exceptions
  bool operator==(const LeftName&) const = default;
};

// The user's request.
struct TaskSpec {
  std::string id;
  MilvusConnectParam target;
  std::string target_identity;  // identifies the target, from create on; empty: unknown
  std::vector<CollectionInfo> collection_infos;                       // of database `default`
  std::map<std::string, std::vector<CollectionInfo>> db_collections;  // by database, with globs
  std::vector<std::string> exclude;  // "db.collection" or "collection", with globs
  std::vector<LeftName> left_to_older;
  std::vector<NameMapping> name_mapping;
  StartFrom start_from = StartFrom::kLatest;
  OnUndecodable on_undecodable = OnUndecodable::kStop;
  SinkMode sink_mode = SinkMode::kAuto;  // never kAuto once the task is created
  std::string sink_mode_reason;          // why this mode was chosen
  bool disable_auto_start = false;
  bool sync_index = true;  // indexes are created and dropped as on the source
  bool sync_load = true;   // loaded and released as on the source
};

struct TaskRecord {
  TaskSpec spec;
  TaskState state = TaskState::kInitial;
  std::string reason;
};

// A task's progress in one source channel: everything at or below `ts` is acknowledged by the
// target; a restart reads from `position` (inclusive) and skips what is at or below `ts`.
struct ChannelCheckpoint {
  std::string channel;  // pchannel
  MsgId position;
  Timestamp ts;
  // Records above `ts` that are already acknowledged, in no particular order.
  std::vector<MsgId> applied;
  // No row with a later time has been sent. Rows in (ts, horizon] may have been sent, with unknown
  // outcome: they are repeated in a way that cannot double them. 0 after a clean stop.
  Timestamp horizon;
};

// A source collection that the task has begun to replicate. It is stored so that its drop is
// replicated even if it happens while the task is not running.
struct ReplicatedCollection {
  CollectionId id;
  CollectionName source;
  CollectionName target;
  std::vector<std::string> pchannels;
  Timestamp created;
  // Rows at or before this record do not belong to the task (start_from latest). By pchannel.
  std::map<std::string, MsgId> skip_until;
  // Whether the target's collection is this one: created by the task, or found to match. Only then
  // may the task drop it.
  bool on_target = false;
  // It has been seen there since: if it is missing now, somebody has removed it.
  bool seen_on_target = false;
  // The target's collection existed before the task and may already hold the rows the source had up
  // to this time: they are written in a way that cannot double them. 0: none.
  Timestamp may_hold_until;
  // The task was about to rename the collection on the target from this name to `target`.
  std::optional<CollectionName> renamed_from;
  // The partitions the task has begun; it leaves others on the target alone.
  std::map<PartitionId, std::string> partitions;
};

// The status of a task.
struct ChannelStatus {
  std::string channel;
  Timestamp resolved;
  Timestamp checkpoint;
  MsgId position;
  // Read but not yet acknowledged; rows that still wait for a tick are not counted.
  uint64_t rows_waiting = 0;
  uint64_t bytes_waiting = 0;
  int64_t last_tick_unix_ms = 0;  // by our clock; 0: none read yet
};
struct TaskStatus {
  Condition condition = Condition::kOk;
  bool idle = false;  // waiting only because there is nothing to do
  std::string reason;
  int64_t since_unix_ms = 0;
  int64_t attempts = 0;  // failed attempts since then
  std::vector<ChannelStatus> channels;
  // Now minus the smallest resolved ts, or minus the smallest checkpoint, in milliseconds. Unset
  // while any channel has no such time, or if no channel is followed.
  std::optional<int64_t> source_lag_ms;
  std::optional<int64_t> lag_ms;
  uint64_t rows_inserted = 0;
  uint64_t rows_upserted = 0;
  uint64_t rows_deleted = 0;
  uint64_t bytes_written = 0;
  uint64_t rows_waiting = 0;  // of `channels`, without rows that wait for a tick
  uint64_t bytes_waiting = 0;
  uint64_t records_skipped = 0;  // because they could not be decoded
  std::string last_skipped;      // channel, position and reason
  // Came after the tick with which the source had promised that nothing of their time would follow.
  uint64_t source_late_messages = 0;
  std::vector<CollectionName> covers;  // source collections being replicated
  std::string target_version;
  // Of a time not later than `channels`: whatever of it is applied is applied in these.
  CatalogProgress catalog;
};

}  // namespace cdc
