#include <grpcpp/support/byte_buffer.h>

#include <chrono>
#include <utility>

#include "milvus.pb.h"
#include "sink/ddl_client.h"
#include "sink/endpoint.h"
#include "sink/metadata_reader.h"
#include "sink/milvus_channel.h"
#include "sink/milvus_status.h"
#include "sink/row_encoder.h"
#include "sink/target.h"

namespace cdc {
namespace {

const char* MethodOf(RowOp op) {
  switch (op) {
    case RowOp::kInsert: return "Insert";
    case RowOp::kUpsert: return "Upsert";
    case RowOp::kDelete: return "Delete";
  }
  return "";
}

int64_t MicrosecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() -
                                                               start)
      .count();
}

WriteResult ToWriteResult(const CallResult& call, grpc::ByteBuffer* bytes) {
  if (!call.status.ok()) {
    return {call.status, call.in_doubt, 0};
  }
  ::milvus::proto::milvus::MutationResult answer;
  if (Status parsed = MilvusChannel::Parse(bytes, &answer); !parsed.ok()) {
    return {std::move(parsed), /*in_doubt=*/true, 0};
  }
  WriteResult result;
  result.status = FromMutationResult(answer, &result.in_doubt);
  return result;
}

class MilvusTarget : public Target {
 public:
  MilvusTarget(const Endpoint& endpoint, const TargetOptions& options)
      : write_timeout_(options.write_timeout),
        channel_(endpoint, options.token),
        reader_(&channel_, options.ddl_timeout),
        ddl_(&channel_, &reader_, options.ddl_timeout) {}

  Result<std::string> Connect(std::chrono::milliseconds timeout) override {
    return reader_.Connect(timeout);
  }
  Result<std::vector<std::string>> ListDatabases() override { return reader_.ListDatabases(); }
  Result<std::vector<std::string>> ListCollections(const std::string& database) override {
    return reader_.ListCollections(database);
  }
  Result<std::optional<TargetCollection>> DescribeCollection(const CollectionName& name) override {
    return reader_.Describe(name);
  }
  Status Apply(const Ddl& ddl) override { return ddl_.Apply(ddl); }

  void Write(const RowBatch& batch, WriteDone done) override {
    grpc::ByteBuffer request;
    if (Status status = EncodeRows(batch, &request); !status.ok()) {
      done({std::move(status), /*in_doubt=*/false, 0});
      return;
    }
    channel_.Start(MethodOf(batch.op), batch.target.database, request, write_timeout_,
                   [done = std::move(done), start = std::chrono::steady_clock::now()](
                       const CallResult& call, grpc::ByteBuffer* bytes) {
                     WriteResult result = ToWriteResult(call, bytes);
                     result.latency_us = MicrosecondsSince(start);
                     done(result);
                   });
  }

  void CancelWrites() override { channel_.CancelAll(); }

 private:
  const std::chrono::milliseconds write_timeout_;
  MilvusChannel channel_;
  MetadataReader reader_;
  DdlClient ddl_;
};

}  // namespace

Result<std::unique_ptr<Target>> NewMilvusTarget(const TargetOptions& options) {
  CDC_ASSIGN_OR_RETURN(const Endpoint endpoint, ParseEndpoint(options.uri));
  return std::unique_ptr<Target>(std::make_unique<MilvusTarget>(endpoint, options));
}

}  // namespace cdc
