#include "milvus/query.h"

#include "milvus.pb.h"
#include "wire/wire_reader.h"

namespace cdc {

namespace pb = ::milvus::proto::milvus;

namespace {

constexpr char kQuery[] = "Query";
constexpr int kCollectionNotLoaded = 101;
constexpr int kPartitionNotLoaded = 201;

// A Milvus 2.3 tells of a partition only in the text of a vague error.
bool SaysNotLoaded(const ::milvus::proto::common::Status& status) {
  return status.code() == kCollectionNotLoaded || status.code() == kPartitionNotLoaded ||
         status.reason().find("not loaded") != std::string::npos;
}

pb::QueryRequest RequestOf(const MilvusQuery& query) {
  pb::QueryRequest request;
  request.set_db_name(query.collection.database);
  request.set_collection_name(query.collection.collection);
  request.set_expr(query.expression);
  request.mutable_output_fields()->Assign(query.fields.begin(), query.fields.end());
  request.mutable_partition_names()->Assign(query.partitions.begin(), query.partitions.end());
  const auto add = [&request](const char* key, const std::string& value) {
    auto* param = request.add_query_params();
    param->set_key(key);
    param->set_value(value);
  };
  if (query.limit > 0) {
    add("limit", std::to_string(query.limit));
  }
  if (query.by_key) {
    // What the iterators of Milvus' clients send. From 2.4 on nothing else promises the order.
    add("iterator", "True");
    add("reduce_stop_for_best", "True");
  }
  request.set_guarantee_timestamp(query.guarantee);
  request.set_consistency_level(query.guarantee == 0 ? ::milvus::proto::common::Strong
                                                     : ::milvus::proto::common::Customized);
  return request;
}

}  // namespace

Status QueryMilvus(const MilvusCalls& calls, const MilvusQuery& query, pb::QueryResults* results) {
  return CallMilvus(calls, kQuery, query.collection.database, RequestOf(query), results);
}

Result<EncodedColumns> QueryEncoded(const MilvusCalls& calls, const MilvusQuery& query) {
  // The fields of QueryResults.
  constexpr int kStatus = 1;
  constexpr int kColumns = 2;
  EncodedColumns answer;
  CDC_ASSIGN_OR_RETURN(
      answer.bytes, calls.channel->CallForBytes(kQuery, query.collection.database, RequestOf(query),
                                                calls.timeout, calls.stop));
  ::milvus::proto::common::Status status;
  WireReader reader(answer.bytes);
  while (reader.Next()) {
    const std::string_view value = reader.bytes();
    if (reader.field() == kStatus &&
        !status.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
      return reader.Error("Query: a malformed status");
    }
    if (reader.field() == kColumns && reader.type() == WireType::kBytes) {
      answer.ranges.push_back({.offset = static_cast<size_t>(value.data() - answer.bytes.data()),
                               .size = value.size()});
    }
  }
  CDC_RETURN_IF_ERROR(FromMilvusStatus(status).WithContext(kQuery));
  CDC_RETURN_IF_ERROR(reader.status().WithContext("Query: a malformed answer"));
  return answer;
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
