#include "null_milvus.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include "milvus.pb.h"
#include "schema.pb.h"

namespace cdc {
namespace {

namespace pb = milvus::proto::milvus;

constexpr char kVersion[] = "2.3.5";
constexpr char kDefaultPartition[] = "_default";
constexpr const char* kWrites[] = {"Insert", "Upsert", "Delete"};
constexpr int kCollectionNotFound = 100;
constexpr int kIndexNotFound = 700;

template <class Request>
Request Parse(const grpc::ByteBuffer& bytes) {
  grpc::ByteBuffer copy(bytes);  // shares the slices
  grpc::ProtoBufferReader reader(&copy);
  Request request;
  request.ParseFromZeroCopyStream(&reader);
  return request;
}

template <class Response>
std::string Failure(int code, const char* reason) {
  Response response;
  response.mutable_status()->set_code(code);
  response.mutable_status()->set_reason(reason);
  return response.SerializeAsString();
}

template <class Request>
std::pair<std::string, std::string> NameOf(const Request& request) {
  return {request.db_name().empty() ? "default" : request.db_name(), request.collection_name()};
}

// A common.Status of success has no bytes at all.
std::string Success() { return ""; }

}  // namespace

NullMilvus::NullMilvus() {
  const auto on = [this](const char* method,
                         Bytes (NullMilvus::*handler)(const grpc::ByteBuffer&)) {
    handlers_[method] = [this, handler](const grpc::ByteBuffer& request) {
      return (this->*handler)(request);
    };
  };
  on("CreateCollection", &NullMilvus::CreateCollection);
  on("DropCollection", &NullMilvus::DropCollection);
  on("DescribeCollection", &NullMilvus::DescribeCollection);
  on("CreatePartition", &NullMilvus::CreatePartition);
  on("ShowPartitions", &NullMilvus::ShowPartitions);
  on("ShowCollections", &NullMilvus::ShowCollections);
  for (const char* method : kWrites) {
    on(method, &NullMilvus::CountWrite);
  }
  handlers_["Connect"] = [](const grpc::ByteBuffer&) {
    pb::ConnectResponse response;
    response.mutable_server_info()->set_build_tags(kVersion);
    return response.SerializeAsString();
  };
  handlers_["GetVersion"] = [](const grpc::ByteBuffer&) {
    pb::GetVersionResponse response;
    response.set_version(kVersion);
    return response.SerializeAsString();
  };
  handlers_["ListDatabases"] = [](const grpc::ByteBuffer&) {
    pb::ListDatabasesResponse response;
    response.add_db_names("default");
    return response.SerializeAsString();
  };
  handlers_["DescribeIndex"] = [](const grpc::ByteBuffer&) {
    return Failure<pb::DescribeIndexResponse>(kIndexNotFound, "index not found");
  };
}

std::string NullMilvus::Answer(const std::string& method, const grpc::ByteBuffer& request) {
  const auto handler = handlers_.find(method);
  return handler == handlers_.end() ? Success() : handler->second(request);
}

bool NullMilvus::IsWrite(std::string_view method) {
  return std::find(std::begin(kWrites), std::end(kWrites), method) != std::end(kWrites);
}

NullMilvus::Bytes NullMilvus::CreateCollection(const grpc::ByteBuffer& request) {
  const auto wanted = Parse<pb::CreateCollectionRequest>(request);
  MutexLock lock(mutex_);
  collections_[NameOf(wanted)] = {wanted.schema(), wanted.shards_num(), {kDefaultPartition}};
  return Success();
}

NullMilvus::Bytes NullMilvus::DropCollection(const grpc::ByteBuffer& request) {
  MutexLock lock(mutex_);
  collections_.erase(NameOf(Parse<pb::DropCollectionRequest>(request)));
  return Success();
}

NullMilvus::Bytes NullMilvus::DescribeCollection(const grpc::ByteBuffer& request) {
  const auto wanted = Parse<pb::DescribeCollectionRequest>(request);
  MutexLock lock(mutex_);
  const auto found = collections_.find(NameOf(wanted));
  if (found == collections_.end()) {
    return Failure<pb::DescribeCollectionResponse>(kCollectionNotFound, "collection not found");
  }
  pb::DescribeCollectionResponse response;
  response.mutable_schema()->ParseFromString(found->second.schema);
  response.set_shards_num(found->second.shards);
  response.set_collection_name(wanted.collection_name());
  return response.SerializeAsString();
}

NullMilvus::Bytes NullMilvus::CreatePartition(const grpc::ByteBuffer& request) {
  const auto wanted = Parse<pb::CreatePartitionRequest>(request);
  MutexLock lock(mutex_);
  collections_[NameOf(wanted)].partitions.push_back(wanted.partition_name());
  return Success();
}

NullMilvus::Bytes NullMilvus::ShowPartitions(const grpc::ByteBuffer& request) {
  const auto wanted = Parse<pb::ShowPartitionsRequest>(request);
  pb::ShowPartitionsResponse response;
  MutexLock lock(mutex_);
  for (const std::string& partition : collections_[NameOf(wanted)].partitions) {
    response.add_partition_names(partition);
  }
  return response.SerializeAsString();
}

NullMilvus::Bytes NullMilvus::ShowCollections(const grpc::ByteBuffer& /*request*/) {
  pb::ShowCollectionsResponse response;
  MutexLock lock(mutex_);
  for (const auto& [name, collection] : collections_) {
    response.add_collection_names(name.second);
  }
  return response.SerializeAsString();
}

NullMilvus::Bytes NullMilvus::CountWrite(const grpc::ByteBuffer& request) {
  const uint64_t rows = NumRows(request);
  counter_.Add(rows, request.Length());
  pb::MutationResult result;
  result.set_insert_cnt(static_cast<int64_t>(rows));
  return result.SerializeAsString();
}

}  // namespace cdc
