#pragma once

#include <chrono>
#include <concepts>
#include <stop_token>
#include <string>

#include "base/status.h"
#include "common.pb.h"
#include "milvus/milvus_channel.h"
#include "milvus/milvus_status.h"

namespace cdc {

// By which way calls go, and when they end at the latest. `channel` must outlive them.
struct MilvusCalls {
  MilvusChannel* channel;
  std::chrono::milliseconds timeout;  // of each
  std::stop_token stop{};             // ends them with kCancelled
};

// One unary call whose answer is a common.Status or holds one as `status`: an error of either level
// comes back as our Status, with the method's name before it.
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
