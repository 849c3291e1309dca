#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/backoff.h"
#include "base/status.h"
#include "milvus/milvus_call.h"
#include "milvus/query.h"
#include "model/catalog.h"
#include "model/ids.h"
#include "source/query/page_encoder.h"
#include "source/snapshot_source.h"

namespace cdc {

// A part of a collection that is read from its first key to its last: a partition, or with a
// partition key, which Milvus does not let queries combine with partitions, the whole collection.
struct QueryPart {
  int64_t id = 0;                      // of the partition or the collection
  std::optional<Partition> partition;  // nullopt: the whole collection
};

// How the rows of one collection are queried.
struct RowQuery {
  CollectionId collection;
  CollectionName name;
  // All rows at or below this time are in the answers, perhaps with later changes.
  Timestamp at_least;
  std::string filter{};  // an expression that is accepted by itself; empty: all rows
  std::chrono::milliseconds page_timeout{60'000};
  size_t page_bytes = 4U << 20;
  // A page that fails for a passing reason is repeated so often, since a new reader would begin
  // with the first.
  BackoffOptions backoff{};
  int tries = 8;
};

// Reads the rows of one part, in pages in the order of their keys. Use it from one thread.
class PageReader final : public SnapshotRows {
 public:
  // `channel` must outlive it.
  PageReader(MilvusChannel* channel,
             RowQuery query,
             std::shared_ptr<const PageEncoder> encoder,
             QueryPart part);

  // kUnavailable: not now. kAborted: the collection is not loaded. kNotFound: the collection or the
  // partition is gone, or has another name. See CollectionSnapshot.
  Result<std::optional<SnapshotRecord>> Next(const std::stop_token& stop) override;

 private:
  Result<PageEncoder::Page> ReadPage(const std::stop_token& stop);
  Result<PageEncoder::Page> TryPage(const std::stop_token& stop);
  Status CheckCollection(const MilvusCalls& calls) const;
  void AdaptLimit(size_t bytes, size_t rows);

  MilvusChannel* const channel_;
  const RowQuery query_;
  const std::shared_ptr<const PageEncoder> encoder_;
  const QueryPart part_;
  bool complete_ = false;
  std::string rest_;  // of the part, as an expression
  int64_t limit_;     // rows of the next page
  std::deque<PageEncoder::Record> records_;
};

// The status to give for an error of a query. A collection that is not loaded is kAborted, with the
// cure; a key that no expression can name is kFailedPrecondition. Internal errors of the source
// count as passing.
Status FromQuery(const Status& status, const RowQuery& query);

// That of one whose expression is nothing but the filter: kInvalidArgument if it is not accepted.
Status FromFilterQuery(const Status& status, const RowQuery& query);

}  // namespace cdc
