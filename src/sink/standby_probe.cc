#include "sink/standby_probe.h"

#include "milvus.pb.h"
#include "sink/milvus_status.h"

namespace cdc {
namespace {

constexpr int kInvalidChannelName = 1100;

}  // namespace

Result<bool> ProbeStandby(MilvusChannel* channel, std::chrono::milliseconds timeout) {
  ::milvus::proto::milvus::ReplicateMessageRequest request;
  request.mutable_base()->mutable_replicateinfo()->set_isreplicate(true);
  ::milvus::proto::milvus::ReplicateMessageResponse response;
  const Status called = channel->Call("ReplicateMessage", "", request, &response, timeout);
  if (called.code() == StatusCode::kUnimplemented) {
    return false;
  }
  CDC_RETURN_IF_ERROR(called);
  const Status status = FromMilvusStatus(response.status());
  if (status.ok() || response.status().code() == kInvalidChannelName) {
    return true;
  }
  if (response.status().code() == kDenyReplicateMessage ||
      status.code() == StatusCode::kUnimplemented) {
    return false;
  }
  return status.WithContext("ReplicateMessage");
}

}  // namespace cdc
