#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "milvus/milvus_call.h"
#include "model/primary_key.h"
#include "model/rows.h"

namespace milvus::proto::milvus {
class QueryResults;
}

namespace cdc {

// A query for rows of one collection, which must be loaded.
struct MilvusQuery {
  CollectionName collection;
  std::string expression;               // may be empty if there is a limit
  std::vector<std::string> fields;      // to be returned; the key field always is
  std::vector<std::string> partitions;  // empty: all
  int64_t limit = 0;                    // rows; 0: none
  // With a limit: the answer is the beginning of all rows sorted by key. It may have some more rows
  // than the limit. (Milvus; Milvus Lite ignores it.)
  bool by_key = false;
  // The answer includes every change up to this time of the queried Milvus; 0: all that it had
  // acknowledged when it got the query (strong consistency).
  uint64_t guarantee = 0;
};

// Executes `query` and waits for its answer.
//
// kFailedPrecondition: the collection, or one of the partitions, is not loaded, among others.
// kNotFound: it does not exist. Others: see CallMilvus.
Status QueryMilvus(const MilvusCalls& calls,
                   const MilvusQuery& query,
                   ::milvus::proto::milvus::QueryResults* results);

// Which keys to read: those of rows that satisfy `expression`.
struct MilvusKeyQuery {
  CollectionName collection;
  std::string primary_key;  // the key field
  std::string expression;
  std::string partition;  // empty: all
  size_t limit = 0;
};

// Returns at most `limit` keys, by strong consistency. The server's internal errors count as
// kUnavailable, since the query can be repeated; kUnavailable also: something of the collection is
// not loaded. The message names the cure.
Result<std::vector<PrimaryKey>> QueryKeys(const MilvusCalls& calls, const MilvusKeyQuery& query);
// The columns of an answer as the server has serialized them, so that values need not be decoded.
struct EncodedColumns {
  std::string bytes;
  // schema.FieldData: offsets and sizes in `bytes`.
  struct Range {
    size_t offset = 0;
    size_t size = 0;
  };
  std::vector<Range> ranges;

  std::string_view column(size_t i) const {
    return std::string_view(bytes).substr(ranges[i].offset, ranges[i].size);
  }
};

// As QueryMilvus. kDataLoss: the answer is malformed.
Result<EncodedColumns> QueryEncoded(const MilvusCalls& calls, const MilvusQuery& query);

}  // namespace cdc
