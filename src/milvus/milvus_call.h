#pragma once

#include <chrono>
#include <concepts>
#include <stop_token>
#include <string>

#include "base/status.h"
#include "common.pb.h"
#include "milvus/milvus_channel.h"
#include "milvus/milvus_status.h"
#include "model/rows.h"

namespace cdc {

// How calls are made. `channel` must outlive them.
struct MilvusCalls {
  MilvusChannel* channel;
  std::chrono::milliseconds timeout;  // of each call
  std::stop_token stop{};             // ends them with kCancelled
};

// A request about one collection.
template <class Request>
Request RequestFor(const CollectionName& name) {
  Request request;
  request.set_db_name(name.database);
  request.set_collection_name(name.collection);
  return request;
}

// Makes a unary call whose answer is a common.Status or has one as `status`. Returns an error of
// gRPC or of Milvus as our Status, preceded by the name of the method.
template <class Response>
Status CallMilvus(const MilvusCalls& calls,
                  const std::string& method,
                  const std::string& database,
                  const google::protobuf::Message& request,
                  Response* response) {
  CDC_RETURN_IF_ERROR(
      calls.channel->Call(method, database, request, response, calls.timeout, calls.stop));
  if constexpr (std::same_as<Response, ::milvus::proto::common::Status>) {
    return FromMilvusStatus(*response).WithContext(method);
  } else {
    return FromMilvusStatus(response->status()).WithContext(method);
  }
}

}  // namespace cdc
