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

// What collections must be like on a target.
struct TargetTraits {
  bool keeps_auto_id = false;  // takes the source's generated keys, whether or not autoID is set
  bool same_shards = false;    // each shard's rows go to the shard of the same number
  // The language of the expressions by which it deletes: one must be able to name the key field.
  // nullopt: it deletes without naming fields.
  std::optional<ExpressionDialect> deletes_by;
};

// The metadata that a target has. Thread-safe. Statuses as those of RowSink; kCancelled: `stop`.
class TargetCatalog {
 public:
  virtual ~TargetCatalog() = default;

  virtual Result<std::vector<std::string>> ListDatabases(const std::stop_token& stop) = 0;

  // nullopt: there is no such collection, or no such database. Aliases are not followed.
  virtual Result<std::optional<TargetCollection>> DescribeCollection(
      const CollectionName& name, const std::stop_token& stop) = 0;
};

// Changes the metadata of one target. Thread-safe. Never retries. Calls have deadlines of their own
// and end with kCancelled when `stop` is requested; what they had begun may then be done or not.
class MetadataSink {
 public:
  virtual ~MetadataSink() = default;

  struct Connected {
    std::string version;   // the target's own text
    std::string identity;  // tells it from any other, see Target::AskPulse
    TargetTraits traits;
  };
  // Connects and authenticates. Comes before every other call.
  virtual Result<Connected> Connect(std::chrono::milliseconds timeout,
                                    const std::stop_token& stop) = 0;

  // The target's own catalog, which outlives no more than this. nullptr: it has none, because it is
  // a stream to which every change is appended; what it has is what was applied.
  virtual TargetCatalog* catalog() = 0;

  // Executes one change and returns when it is done (a load may still be in progress). Success too
  // if it was done already.
  //
  // A collection with aliases may refuse to be dropped or moved to another database: drop them
  // first. Left behind, they would hide a later collection of their name (Milvus 2.3). A create or
  // rename to a name that is an alias is kUnavailable. kUnimplemented: a move to another database
  // (Milvus Lite), AlterDatabase (Milvus 2.3).
  virtual Status Apply(const Ddl& ddl, const std::stop_token& stop) = 0;
};

}  // namespace cdc
