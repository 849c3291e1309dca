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

// What a task does at a record of the source that cannot be decoded.
enum class OnUndecodable { kStop, kSkip };

// "stop", "skip".
std::string_view OnUndecodableName(OnUndecodable policy);
std::optional<OnUndecodable> ParseOnUndecodable(std::string_view name);

// How changes get to the target.
enum class SinkMode {
  kAuto,       // what the target is decides, at create
  kApi,        // Insert, Upsert, Delete
  kReplicate,  // ReplicateMessage, to a standby
};

// "auto", "api", "replicate".
std::string_view SinkModeName(SinkMode mode);
std::optional<SinkMode> ParseSinkMode(std::string_view name);

// One name of a task's scope, with globs: `*` stands for any characters, `?` for one.
struct CollectionInfo {
  std::string name;
  std::map<std::string, std::string> positions;  // vchannel -> base64 of MsgPosition
  bool use_start_position = false;
  bool operator==(const CollectionInfo&) const = default;
};

// The parameters of the target as the user gave them.
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

  // "http(s)://host:port", as it was given.
  std::string ResolvedUri() const;
  // user:password or an API key.
  std::string ResolvedToken() const;
  int ConnectTimeoutSeconds() const { return connect_timeout > 0 ? connect_timeout : 5; }
};

// Other names on the target. Without `collections` the whole database goes to `target_database`; an
// entry for a collection goes before one for its database.
struct NameMapping {
  std::string source_database;
  std::string target_database;
  std::map<std::string, std::string> collections;  // name on the source -> name on the target
  bool operator==(const NameMapping&) const = default;
};

// "db.collection", with globs: left to an older task of the same target, but for what that one
// leaves out.
struct LeftName {
  std::string pattern;
  std::vector<LeftName> except;
  static constexpr int kMaxDepth = 16;  // of exceptions in exceptions
  bool operator==(const LeftName&) const = default;
};

// What the user asked for.
struct TaskSpec {
  std::string id;
  MilvusConnectParam target;
  std::string target_identity;  // what tells it from any other, at create; empty: not known
  std::vector<CollectionInfo> collection_infos;                       // of database `default`
  std::map<std::string, std::vector<CollectionInfo>> db_collections;  // by database, with globs
  std::vector<std::string> exclude;  // "db.collection" or "collection", with globs
  std::vector<LeftName> left_to_older;
  std::vector<NameMapping> name_mapping;
  StartFrom start_from = StartFrom::kLatest;
  OnUndecodable on_undecodable = OnUndecodable::kStop;
  SinkMode sink_mode = SinkMode::kAuto;  // of a created task never kAuto
  std::string sink_mode_reason;          // why it was chosen
  bool disable_auto_start = false;
  bool sync_index = true;  // indexes are made and dropped as on the source
  bool sync_load = true;   // loaded and released as on the source
};

struct TaskRecord {
  TaskSpec spec;
  TaskState state = TaskState::kInitial;
  std::string reason;
};

// How far a task has come in one source channel: everything at or below `ts` is acknowledged by the
// target; a restart reads from `position` (inclusive) and skips what has ts <= `ts`.
struct ChannelCheckpoint {
  std::string channel;  // pchannel
  MsgId position;
  Timestamp ts;
  // Records above `ts` that are acknowledged all the same, in no order.
  std::vector<MsgId> applied;
  // Nothing with a time above it has been sent. What has one in (ts, horizon] may have been, with
  // an outcome that is not known: it is repeated in a way that doubles nothing. 0 after a clean
  // stop.
  Timestamp horizon;
};

// A source collection that the task has begun to replicate: remembered so that its removal is
// carried out even if it happens while the task does not run.
struct ReplicatedCollection {
  CollectionId id;
  CollectionName source;
  CollectionName target;
  std::vector<std::string> pchannels;
  Timestamp created;
  // Rows at or before this record are not the task's (start_from latest), by pchannel.
  std::map<std::string, MsgId> skip_until;
  // Whether the target's collection is this one: made by the task, or found to fit. Only then may
  // it be dropped there.
  bool on_target = false;
  // It was seen there since: if it is not there any more, somebody has removed it.
  bool seen_on_target = false;
  // The target's collection may hold the rows already that the source had up to this time, because
  // it was there before the task: they are written in a way that doubles nothing. 0: none.
  Timestamp may_hold_until;
  // The task was about to rename its collection from this name to `target`.
  std::optional<CollectionName> renamed_from;
  // The partitions that the task has begun; others of the target are not its business.
  std::map<PartitionId, std::string> partitions;
};

// What a task shows of itself.
struct ChannelStatus {
  std::string channel;
  Timestamp resolved;
  Timestamp checkpoint;
  MsgId position;
  // Read and not yet acknowledged; rows that still wait for a tick are not counted.
  uint64_t rows_waiting = 0;
  uint64_t bytes_waiting = 0;
  int64_t last_tick_unix_ms = 0;  // our clock when the last tick was read; 0: none yet
};
struct TaskStatus {
  Condition condition = Condition::kOk;
  bool idle = false;  // waiting, only because there is nothing to do
  std::string reason;
  int64_t since_unix_ms = 0;
  int64_t attempts = 0;  // that have failed since then
  std::vector<ChannelStatus> channels;
  // Milliseconds behind now: of the smallest resolved ts and of the smallest checkpoint. None as
  // long as a channel has none yet, or if no channel is followed.
  std::optional<int64_t> source_lag_ms;
  std::optional<int64_t> lag_ms;
  uint64_t rows_inserted = 0;
  uint64_t rows_upserted = 0;
  uint64_t rows_deleted = 0;
  uint64_t bytes_written = 0;
  uint64_t rows_waiting = 0;  // of `channels`, with rows that wait for a tick left out
  uint64_t bytes_waiting = 0;
  uint64_t records_skipped = 0;        // that could not be decoded
  std::string last_skipped;            // channel, position and why
  std::vector<CollectionName> covers;  // source collections being replicated
  std::string target_version;
  // Of a time not later than `channels`: whatever of it is applied is applied in these.
  CatalogProgress catalog;
};

}  // namespace cdc
