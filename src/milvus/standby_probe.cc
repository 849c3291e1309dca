#include "milvus/standby_probe.h"

#include "milvus.pb.h"
#include "milvus/milvus_status.h"

namespace cdc {
namespace {

// "Invalid parameter": a standby executes the call and then finds no channel in it.
constexpr int kInvalidChannelName = 1100;

}  // namespace

Result<bool> ProbeStandby(const MilvusCalls& calls) {
  ::milvus::proto::milvus::ReplicateMessageRequest request;
  request.mutable_base()->mutable_replicateinfo()->set_isreplicate(true);
  ::milvus::proto::milvus::ReplicateMessageResponse response;
  const Status called =
      calls.channel->Call("ReplicateMessage", "", request, &response, calls.timeout, calls.stop);
  if (called.ok() && response.status().code() == kInvalidChannelName) {
    return true;
  }
  const Status status = called.ok() ? FromMilvusStatus(response.status()) : called;
  if (response.status().code() == kDenyReplicateMessage) {
    return false;
  }
  switch (status.code()) {
    case StatusCode::kOk:
    case StatusCode::kUnimplemented:
    case StatusCode::kInvalidArgument:
    case StatusCode::kFailedPrecondition:
      return false;  // the server does not know the method, or refuses it
    case StatusCode::kPermissionDenied:
    case StatusCode::kUnauthenticated:
      return Status(status.code(),
                    "the user of the token may not write to a standby: use another one, or permit "
                    "ReplicateMessage; " +
                        status.message());
    default: return status.WithContext("ReplicateMessage");
  }
}

}  // namespace cdc
