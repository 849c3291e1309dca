#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/ids.h"
#include "model/tls.h"

namespace cdc {

enum class TaskState : int { kInitial = 0, kRunning = 1, kPaused = 2 };

// "Initial", "Running", "Paused".
std::string_view TaskStateName(TaskState state);

// Where the rows of collections begin that exist when the task is created; later ones want more.
enum class StartFrom {
  kLatest,    // at the next row
  kEarliest,  // at the first row, from the queue
  kSnapshot,  // with the rows that are stored, then with the queue
};

// "latest", "earliest", "snapshot".
std::string_view StartFromName(StartFrom start);
std::optional<StartFrom> ParseStartFrom(std::string_view name);

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

// From where stored rows are copied.
enum class SnapshotFrom {
  kStorage,  // the source's files
  kQuery,    // the source's query nodes; the collection must be loaded
};

// "storage", "query".
std::string_view SnapshotFromName(SnapshotFrom from);
std::optional<SnapshotFrom> ParseSnapshotFrom(std::string_view name);

// Whether indexes are created on the target before or after the stored rows are copied.
enum class SnapshotIndex { kAfter, kBefore };

// "after", "before".
std::string_view SnapshotIndexName(SnapshotIndex index);
std::optional<SnapshotIndex> ParseSnapshotIndex(std::string_view name);

// What the log of a collection does while its stored rows are copied.
enum class SnapshotLog {
  kAuto,   // waits if the queue is expected to hold it for that long, else is applied
  kWait,   // on the queue
  kApply,  // is applied meanwhile
};

// "auto", "wait", "apply".
std::string_view SnapshotLogName(SnapshotLog log);
std::optional<SnapshotLog> ParseSnapshotLog(std::string_view name);

// How stored rows are copied.
struct SnapshotOptions {
  SnapshotFrom from = SnapshotFrom::kStorage;
  SnapshotIndex index = SnapshotIndex::kAfter;
  SnapshotLog log = SnapshotLog::kAuto;
  bool operator==(const SnapshotOptions&) const = default;
};

// What a task does when the queue no longer holds its position.
enum class OnExpired {
  kStop,
  kSnapshot,  // copies the stored rows of the collections concerned again
};

// "stop", "snapshot".
std::string_view OnExpiredName(OnExpired policy);
std::optional<OnExpired> ParseOnExpired(std::string_view name);

// What a task does with a collection that cannot be replicated any further.
enum class OnCollectionError {
  kSetAside,  // leaves it where it is and goes on with the others
  kPause,     // pauses
};

// "set_aside", "pause".
std::string_view OnCollectionErrorName(OnCollectionError policy);
std::optional<OnCollectionError> ParseOnCollectionError(std::string_view name);

// A name in a task's scope, with globs: `*` for any characters, `?` for one.
struct CollectionInfo {
  std::string name;
  std::map<std::string, std::string> positions;  // vchannel -> base64 of MsgPosition
  bool use_start_position = false;
  std::optional<StartFrom> start_from;  // unset: the task's, or kEarliest by use_start_position
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
  // The user in it; empty: it is an API key, or there is none.
  std::string ResolvedUser() const;
  int ConnectTimeoutSeconds() const { return connect_timeout > 0 ? connect_timeout : 5; }
  bool operator==(const MilvusConnectParam&) const = default;
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
  // Rows up to this time are replicated and no later ones, then the task pauses. 0: it has no end.
  Timestamp stop_at;
  SnapshotOptions snapshot;
  OnExpired on_expired = OnExpired::kStop;
  OnCollectionError on_collection_error = OnCollectionError::kSetAside;
  OnUndecodable on_undecodable = OnUndecodable::kStop;
  SinkMode sink_mode = SinkMode::kAuto;  // never kAuto once the task is created
  std::string sink_mode_reason;          // why this mode was chosen
  // Where the replicate channel is read from: base64 of MsgPosition; empty: its end.
  std::string rpc_channel_position;
  std::string rpc_channel_name;  // as in the request
  // Clients of the Go program send and expect them; they had no effect there and have none here.
  int buffer_period = 0;
  int buffer_size = 0;
  bool disable_auto_start = false;
  bool sync_index = true;         // indexes are created and dropped as on the source
  bool sync_load = true;          // loaded and released as on the source
  bool enable_user_role = false;  // users and roles follow the source, too
  bool dry_run = false;           // the target is looked at and never changed
};

struct TaskRecord {
  TaskSpec spec;
  TaskState state = TaskState::kInitial;
  std::string reason;
};

}  // namespace cdc
