#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "encode/delete_expression.h"
#include "model/ddl.h"
#include "model/rows.h"
#include "model/target_collection.h"

namespace cdc {

// What a target requires of collections.
struct TargetTraits {
  bool keeps_auto_id = false;  // accepts the source's generated keys even if autoID is set
  bool same_shards = false;    // each shard's rows go to the shard of the same number
  // The language of its delete expressions, which must be able to name the key field. nullopt: its
  // deletes do not name fields.
  std::optional<ExpressionDialect> deletes_by;
};

// The metadata on a target. Thread-safe. Status codes as for RowSink; kCancelled: stopped.
class TargetCatalog {
 public:
  virtual ~TargetCatalog() = default;

  virtual Result<std::vector<std::string>> ListDatabases(const std::stop_token& stop) = 0;

  // nullopt: no such collection or database. Aliases are not followed.
  virtual Result<std::optional<TargetCollection>> DescribeCollection(
      const CollectionName& name, const std::stop_token& stop) = 0;
};

// Changes the metadata of one target. Thread-safe. Never retries. Calls have deadlines of their own
// and end with kCancelled when `stop` is requested; the target may then still execute them.
class MetadataSink {
 public:
  virtual ~MetadataSink() = default;

  struct Connected {
    std::string version;   // the target's own text
    std::string identity;  // see Target::AskPulse
    TargetTraits traits;
  };
  // Connects and authenticates. Call it before any other method.
  virtual Result<Connected> Connect(std::chrono::milliseconds timeout,
                                    const std::stop_token& stop) = 0;

  // The target's own catalog; lives as long as this. nullptr: the target has none, because it is a
  // stream that every change is appended to. Its metadata is then what has been applied.
  virtual TargetCatalog* catalog() = 0;

  // Executes one change and returns when it is done (a load may still be in progress). Returns ok
  // as well if it was already done.
  //
  // Drop a collection's aliases before you drop the collection or move it to another database. A
  // target may refuse the change otherwise, and aliases that are left behind would hide a later
  // collection of the same name (Milvus 2.3). A create or rename to a name that is an alias returns
  // kUnavailable. kUnimplemented: a move to another database (Milvus Lite), AlterDatabase (Milvus
  // 2.3).
  virtual Status Apply(const Ddl& ddl, const std::stop_token& stop) = 0;
};

}  // namespace cdc
