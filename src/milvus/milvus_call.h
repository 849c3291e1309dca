#pragma once

#include <chrono>
#include <concepts>
#include <string>

#include "base/status.h"
#include "common.pb.h"
#include "milvus/milvus_channel.h"
#include "milvus/milvus_status.h"

namespace cdc {

// One unary call whose answer is a common.Status or holds one as `status`: an error of either level
// comes back as our Status, with the method's name before it.
template <class Response>
Status CallMilvus(MilvusChannel* channel,
                  const std::string& method,
                  const std::string& database,
                  const google::protobuf::Message& request,
                  Response* response,
                  std::chrono::milliseconds timeout) {
  CDC_RETURN_IF_ERROR(channel->Call(method, database, request, response, timeout));
  if constexpr (std::same_as<Response, ::milvus::proto::common::Status>) {
    return FromMilvusStatus(*response).WithContext(method);
  } else {
    return FromMilvusStatus(response->status()).WithContext(method);
  }
}

}  // namespace cdc
