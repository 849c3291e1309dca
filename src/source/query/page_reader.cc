#include "source/query/page_reader.h"

#include <algorithm>
#include <utility>

#include "base/fault_point.h"
#include "base/thread.h"
#include "milvus.pb.h"

namespace cdc {
namespace {

namespace pb = ::milvus::proto::milvus;

constexpr int64_t kFirstLimit = 256;
// quotaAndLimits.limits.maxQueryResultWindow of Milvus; an operator may have set less.
constexpr int64_t kMaxLimit = 16'384;
constexpr int64_t kMaxGrowth = 4;

bool Has(const Status& status, std::string_view words) {
  return status.message().find(words) != std::string::npos;
}

// Milvus' limits on the rows and bytes of an answer, and gRPC's on those of a message, have no
// codes of their own.
bool IsTooMuch(const Status& status) {
  return !status.ok() && (Has(status, "larger than max") || Has(status, "maxOutputSize") ||
                          Has(status, "query result window") || Has(status, "should be in range"));
}

bool IsNotLoaded(const Status& status) {
  return Has(status, "(code 101") || Has(status, "(code 201") || Has(status, "not loaded");
}

}  // namespace

Status FromQuery(const Status& status, const RowQuery& query) {
  // No storage knows which rows a filter holds for.
  const std::string storage = query.filter.empty() ? "copy from the storage (snapshot.from storage)"
                                                   : "copy without a filter, from the storage";
  if (!status.ok() && status.code() != StatusCode::kCancelled && IsNotLoaded(status)) {
    return Status(
        StatusCode::kAborted,
        "collection " + query.name.ToString() +
            " is not loaded on the source, and queries read only what is: load all of it there "
            "until the copy is done (its query nodes need the memory, and do the reading), or " +
            storage + ": " + status.message());
  }
  if (!status.ok() && Has(status, "cannot parse expression")) {
    return FailedPreconditionError(
        "collection " + query.name.ToString() +
        " cannot be read page by page: no expression of the source can name its key field; " +
        storage + ": " + status.message());
  }
  if (status.code() == StatusCode::kInternal || status.code() == StatusCode::kUnknown) {
    return UnavailableError(status.message());
  }
  return status;
}

// Milvus has no code of its own for it.
Status FromFilterQuery(const Status& status, const RowQuery& query) {
  if (Has(status, "cannot parse expression") || Has(status, "failed to create query plan") ||
      Has(status, "not a boolean expression")) {
    return InvalidArgumentError("the source does not accept the filter: " + status.message());
  }
  return FromQuery(status, query);
}

PageReader::PageReader(MilvusChannel* channel,
                       RowQuery query,
                       std::shared_ptr<const PageEncoder> encoder,
                       QueryPart part)
    : channel_(channel),
      query_(std::move(query)),
      encoder_(std::move(encoder)),
      part_(std::move(part)),
      rest_(encoder_->all_rows()),
      limit_(kFirstLimit) {}

Result<std::optional<SnapshotRecord>> PageReader::Next(const std::stop_token& stop) {
  while (records_.empty()) {
    if (complete_) {
      return std::optional<SnapshotRecord>();
    }
    CDC_ASSIGN_OR_RETURN(PageEncoder::Page page, ReadPage(stop));
    if (page.rows == 0) {
      // Only an empty page is the last one: one with fewer rows than its limit may be so because a
      // key that a segment has several times counts several times there and is answered once.
      complete_ = true;
      continue;
    }
    rest_ = std::move(page.rest);
    std::move(page.records.begin(), page.records.end(), std::back_inserter(records_));
    FaultPoint("after_query_page");
  }
  PageEncoder::Record record = std::move(records_.front());
  records_.pop_front();
  return std::optional(SnapshotRecord{.payload = Payload::Own(std::move(record.bytes)),
                                      .rows = record.rows,
                                      .vchannel = std::move(record.vchannel)});
}

Result<PageEncoder::Page> PageReader::ReadPage(const std::stop_token& stop) {
  Backoff backoff(query_.backoff);
  for (;;) {
    Result<PageEncoder::Page> page = TryPage(stop);
    if (IsTooMuch(page.status()) && limit_ > 1) {
      limit_ = std::max<int64_t>(limit_ / 8, 1);
      continue;
    }
    const Status status = FromQuery(page.status(), query_);
    if (status.ok() || !IsRetryable(status) || IsNotLoaded(status) ||
        backoff.attempts() + 1 >= query_.tries) {
      return status.ok() ? std::move(page) : Result<PageEncoder::Page>(status);
    }
    if (!Pause(backoff.Next(), stop)) {
      return CancelledError("stopped");
    }
  }
}

Result<PageEncoder::Page> PageReader::TryPage(const std::stop_token& stop) {
  const MilvusCalls calls{.channel = channel_, .timeout = query_.page_timeout, .stop = stop};
  MilvusQuery query{
      .collection = query_.name,
      .expression = query_.filter.empty() ? rest_ : "(" + query_.filter + ") and " + rest_,
      .fields = encoder_->fields(),
      .partitions = {},
      .limit = limit_,
      .by_key = true,
      .guarantee = query_.at_least.value};
  if (part_.partition.has_value()) {
    query.partitions.push_back(part_.partition->name);
  }
  CDC_ASSIGN_OR_RETURN(const EncodedColumns answer, QueryEncoded(calls, query));
  CDC_RETURN_IF_ERROR(CheckCollection(calls));
  std::vector<std::string_view> columns;
  for (size_t i = 0; i < answer.ranges.size(); ++i) {
    columns.push_back(answer.column(i));
  }
  Result<PageEncoder::Page> page =
      encoder_->Encode(columns, part_.partition.has_value() ? &*part_.partition : nullptr);
  CDC_RETURN_IF_ERROR(page.status().WithContext("query of " + query_.name.ToString()));
  AdaptLimit(answer.bytes.size(), page->rows);
  return page;
}

// Queries name a collection, and the name may have become another one's.
Status PageReader::CheckCollection(const MilvusCalls& calls) const {
  pb::DescribeCollectionRequest request;
  request.set_db_name(query_.name.database);
  request.set_collection_name(query_.name.collection);
  pb::DescribeCollectionResponse response;
  CDC_RETURN_IF_ERROR(
      CallMilvus(calls, "DescribeCollection", query_.name.database, request, &response));
  if (response.collectionid() != query_.collection.value) {
    return NotFoundError("collection " + query_.name.ToString() + " is another one by now: id " +
                         std::to_string(response.collectionid()) + " instead of " +
                         std::to_string(query_.collection.value));
  }
  return OkStatus();
}

void PageReader::AdaptLimit(size_t bytes, size_t rows) {
  if (rows == 0) {
    return;
  }
  // The answer may have more rows than its limit.
  const size_t times = std::max<size_t>(rows / static_cast<size_t>(limit_), 1);
  const auto fits =
      static_cast<int64_t>(query_.page_bytes / std::max<size_t>(bytes / rows, 1) / times);
  limit_ = std::clamp<int64_t>(std::min(fits, limit_ * kMaxGrowth), 1, kMaxLimit);
}

}  // namespace cdc
