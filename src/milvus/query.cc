#include "milvus/query.h"

#include "milvus.pb.h"

namespace cdc {

namespace pb = ::milvus::proto::milvus;

namespace {

constexpr int kCollectionNotLoaded = 101;
constexpr int kPartitionNotLoaded = 201;

// A Milvus 2.3 tells of a partition only in the text of a vague error.
bool SaysNotLoaded(const ::milvus::proto::common::Status& status) {
  return status.code() == kCollectionNotLoaded || status.code() == kPartitionNotLoaded ||
         status.reason().find("not loaded") != std::string::npos;
}

}  // namespace

Status QueryMilvus(const MilvusCalls& calls, const MilvusQuery& query, pb::QueryResults* results) {
  pb::QueryRequest request;
  request.set_db_name(query.collection.database);
  request.set_collection_name(query.collection.collection);
  request.set_expr(query.expression);
  request.mutable_output_fields()->Assign(query.fields.begin(), query.fields.end());
  request.mutable_partition_names()->Assign(query.partitions.begin(), query.partitions.end());
  if (query.limit > 0) {
    auto* limit = request.add_query_params();
    limit->set_key("limit");
    limit->set_value(std::to_string(query.limit));
  }
  request.set_guarantee_timestamp(query.guarantee);
  request.set_consistency_level(query.guarantee == 0 ? ::milvus::proto::common::Strong
                                                     : ::milvus::proto::common::Customized);
  return CallMilvus(calls, "Query", query.collection.database, request, results);
}

Result<std::vector<PrimaryKey>> QueryKeys(const MilvusCalls& calls, const MilvusKeyQuery& query) {
  MilvusQuery rows{.collection = query.collection,
                   .expression = query.expression,
                   .fields = {query.primary_key},
                   .partitions = {},
                   .limit = static_cast<int64_t>(query.limit)};
  if (!query.partition.empty()) {
    rows.partitions.push_back(query.partition);
  }
  pb::QueryResults results;
  const Status queried = QueryMilvus(calls, rows, &results);
  if (!queried.ok() && SaysNotLoaded(results.status())) {
    return UnavailableError("the keys of its rows cannot be read: load all of collection " +
                            query.collection.ToString() + " there: " + queried.message());
  }
  if (queried.code() == StatusCode::kInternal || queried.code() == StatusCode::kUnknown) {
    return UnavailableError(queried.message());
  }
  CDC_RETURN_IF_ERROR(queried);
  std::vector<PrimaryKey> keys;
  for (const auto& column : results.fields_data()) {
    if (column.field_name() == query.primary_key) {
      const auto& numbers = column.scalars().long_data().data();
      const auto& texts = column.scalars().string_data().data();
      keys.assign(numbers.begin(), numbers.end());
      keys.insert(keys.end(), texts.begin(), texts.end());
    }
  }
  return keys;
}

}  // namespace cdc
