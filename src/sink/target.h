#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "encode/delete_expression.h"
#include "model/ddl.h"
#include "model/message.h"
#include "model/rows.h"
#include "model/target_collection.h"
#include "model/task.h"
#include "model/tls.h"

namespace cdc {

// What a call has done when it has ended.
struct WriteResult {
  Status status;
  // The call failed but may have been executed: a deadline, a lost connection. What it wrote must
  // be written again in a way that does not double it.
  bool in_doubt = false;
  int64_t latency_us = 0;
};

// One target. Thread-safe. Calls have deadlines of their own and no retries: the caller knows what
// a repeat means. Statuses:
// kUnavailable, kDeadlineExceeded, kResourceExhausted, kAborted: try again later (not ready, rate
//   limit, no leader, connection lost).
// kNotFound: the database, collection, partition or index is not there.
// kAlreadyExists, kFailedPrecondition, kInvalidArgument, kUnimplemented: refused for good; the
//   message holds the target's own words.
// kUnauthenticated, kPermissionDenied: credentials.
class Target {
 public:
  virtual ~Target() = default;

  // Connects, authenticates; returns the target's version text.
  virtual Result<std::string> Connect(std::chrono::milliseconds timeout) = 0;

  // Whether it takes no inserts of clients but messages for its queues (ReplicateMessage).
  virtual Result<bool> IsStandby(std::chrono::milliseconds /*timeout*/) { return false; }

  // What the collections of this target have to be like. Known once it is connected.
  struct Traits {
    bool keeps_auto_id = false;  // the source's generated keys come in, autoID or not
    bool same_shards = false;    // each shard's rows go to the shard of the same number
    // Deletes name the field of the primary key in an expression of this language, so it has to be
    // able to. nullopt: they name no field.
    std::optional<ExpressionDialect> deletes_by;
  };
  virtual Traits traits() const { return {}; }

  // Asks whether it serves, through its proxy and its coordinator, and returns at once; `done` is
  // called as that of Write, with what tells this Milvus from any other, by whatever address it is
  // reached. Empty: it does not say (Milvus Lite, Milvus before 2.3).
  using PulseDone = std::function<void(const Result<std::string>& identity)>;
  virtual void AskPulse(std::chrono::milliseconds timeout, PulseDone done) = 0;

  virtual Result<std::vector<std::string>> ListDatabases() = 0;
  virtual Result<std::vector<std::string>> ListCollections(const std::string& database) = 0;

  // nullopt if there is no such collection (or database); an alias is none.
  virtual Result<std::optional<TargetCollection>> DescribeCollection(
      const CollectionName& name) = 0;

  // Executes one change and returns when it is done (a load may still be in progress). Success too
  // if it was so already.
  //
  // A collection with aliases may be refused to be dropped, and to be moved to another database:
  // drop them first. Left behind, they would hide a later collection of their name (Milvus 2.3). A
  // create or rename to a name that is an alias is kUnavailable. kUnimplemented: a move to another
  // database (Milvus Lite), AlterDatabase (Milvus 2.3).
  virtual Status Apply(const Ddl& ddl) = 0;

  // Starts to write and returns at once; `done` is called exactly once, from another thread or from
  // this one. It must return at once.
  using WriteDone = std::function<void(const WriteResult&)>;
  virtual void Write(const RowBatch& batch, WriteDone done) = 0;

  // Ends all calls in progress, also those of other threads in Apply or DescribeCollection: writes
  // are done with kCancelled, in doubt if they were sent; the others return kCancelled. Returns at
  // once.
  virtual void CancelWrites() = 0;
};

// Limits of one delete: its keys travel as the text of an expression, which a server parses in
// about 7 us a key, and become one message of its queue (at most 5 MiB with 8 bytes more a key).
inline constexpr size_t kMaxDeleteKeys = 16'384;
inline constexpr size_t kMaxDeleteBytes = 2 << 20;  // of the key columns' bodies

struct TargetOptions {
  SinkMode mode = SinkMode::kApi;
  std::string uri;    // http://host:port or https://host:port
  std::string token;  // user:password or an API key; empty: none
  TlsOptions tls;     // of an https uri
  std::chrono::milliseconds ddl_timeout{30'000};
  std::chrono::milliseconds write_timeout{60'000};
};

// What to do about a target that is no standby, or no longer.
inline constexpr const char* kNoStandby =
    "the target is no standby: set common.ttMsgEnabled: false in its milvus.yaml and restart it, "
    "or create the task with sink_mode api";

}  // namespace cdc
