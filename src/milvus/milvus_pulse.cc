#include "milvus/milvus_pulse.h"

#include <cstdint>
#include <utility>

#include <grpcpp/support/byte_buffer.h>

#include "milvus.pb.h"
#include "milvus/milvus_status.h"
#include "model/rows.h"

namespace cdc {
namespace {

namespace pb = ::milvus::proto::milvus;

constexpr char kPulse[] = "ListDatabases";

std::string IdentityIn(const pb::ListDatabasesResponse& response) {
  if (response.created_timestamp_size() != response.db_names_size()) {
    return "";
  }
  for (int i = 0; i < response.db_names_size(); ++i) {
    const uint64_t created = response.created_timestamp(i);
    if (response.db_names(i) == kDefaultDatabase && created != 0) {
      return std::to_string(created);
    }
  }
  return "";
}

Result<std::string> ReadPulse(const CallResult& call, grpc::ByteBuffer* bytes) {
  if (call.status.code() == StatusCode::kUnimplemented) {
    return std::string();  // a Milvus without databases, but it has answered
  }
  CDC_RETURN_IF_ERROR(call.status.WithContext(kPulse));
  pb::ListDatabasesResponse response;
  CDC_RETURN_IF_ERROR(MilvusChannel::Parse(bytes, &response));
  CDC_RETURN_IF_ERROR(FromMilvusStatus(response.status()).WithContext(kPulse));
  return IdentityIn(response);
}

}  // namespace

Result<std::string> ReadMilvusIdentity(const MilvusCalls& calls) {
  pb::ListDatabasesResponse response;
  const Status status = CallMilvus(calls, kPulse, "", pb::ListDatabasesRequest(), &response);
  if (status.code() == StatusCode::kUnimplemented) {
    return std::string();  // a Milvus without databases
  }
  CDC_RETURN_IF_ERROR(status);
  return IdentityIn(response);
}

void AskMilvusPulse(MilvusChannel* channel,
                    std::chrono::milliseconds timeout,
                    std::function<void(const Result<std::string>& identity)> done) {
  // The serialized ListDatabasesRequest: it has no field to set.
  static const grpc::Slice kNoRequest("");
  channel->Start(kPulse, "", grpc::ByteBuffer(&kNoRequest, 1), timeout,
                 [done = std::move(done)](const CallResult& call, grpc::ByteBuffer* bytes) {
                   done(ReadPulse(call, bytes));
                 });
}

}  // namespace cdc
