#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <utility>

#include <grpcpp/support/byte_buffer.h>

#include "base/mutex.h"
#include "milvus.pb.h"
#include "sink/credentials.h"
#include "sink/ddl_client.h"
#include "sink/endpoint.h"
#include "sink/metadata_reader.h"
#include "sink/milvus_channel.h"
#include "sink/milvus_status.h"
#include "sink/row_encoder.h"
#include "sink/standby_probe.h"
#include "sink/target.h"
#include "sink/target_pulse.h"

namespace cdc {
namespace {

// An upsert of Milvus Lite keeps the keys of the dynamic field that the new row does not have; its
// insert replaces the whole row. Both requests have the same fields.
const char* MethodOf(RowOp op, bool is_lite) {
  switch (op) {
    case RowOp::kInsert: return "Insert";
    case RowOp::kUpsert: return is_lite ? "Insert" : "Upsert";
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

// Milvus Lite swaps its tables at a flush without a lock: a row written to a collection beside
// another write of it could be lost. So its writes go one at a time per collection; several at a
// time would not be faster.
class MilvusTarget final : public Target {
 public:
  MilvusTarget(const Endpoint& endpoint,
               const MilvusChannel::Credentials& credentials,
               const TargetOptions& options)
      : write_timeout_(options.write_timeout),
        channel_(endpoint, credentials),
        reader_(&channel_, options.ddl_timeout),
        ddl_(&channel_, &reader_, options.ddl_timeout) {}

  ~MilvusTarget() override { CancelWrites(); }

  Result<std::string> Connect(std::chrono::milliseconds timeout) override {
    return reader_.Connect(timeout);
  }
  Result<bool> IsStandby(std::chrono::milliseconds timeout) override {
    return ProbeStandby(&channel_, timeout);
  }
  void AskPulse(std::chrono::milliseconds timeout, PulseDone done) override {
    AskMilvusPulse(&channel_, timeout, std::move(done));
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
    auto write = std::make_shared<PendingWrite>(
        PendingWrite{batch.op, batch.target, std::move(request), std::move(done)});
    if (!reader_.is_lite()) {
      Start(std::move(write));
      return;
    }
    MutexLock lock(mutex_);
    const auto [waiting, is_first] = waiting_.try_emplace(batch.target);
    if (is_first) {
      Start(std::move(write));
    } else {
      waiting->second.push_back(std::move(write));
    }
  }

  void CancelWrites() override {
    std::map<CollectionName, Waiting> never_sent;
    {
      MutexLock lock(mutex_);
      for (auto& [name, waiting] : waiting_) {
        never_sent[name].swap(waiting);
      }
      channel_.CancelAll();
    }
    for (auto& [name, writes] : never_sent) {
      for (const auto& write : writes) {
        write->done({CancelledError("cancelled before it was sent"), /*in_doubt=*/false, 0});
      }
    }
  }

 private:
  struct PendingWrite {
    RowOp op;
    CollectionName target;
    grpc::ByteBuffer request;
    WriteDone done;
  };
  using Waiting = std::deque<std::shared_ptr<PendingWrite>>;

  void Start(std::shared_ptr<PendingWrite> write) {
    grpc::ByteBuffer request;
    request.Swap(&write->request);
    const PendingWrite& ref = *write;
    channel_.Start(MethodOf(ref.op, reader_.is_lite()), ref.target.database, request,
                   write_timeout_,
                   [this, write = std::move(write), start = std::chrono::steady_clock::now()](
                       const CallResult& call, grpc::ByteBuffer* bytes) {
                     WriteResult result = ToWriteResult(call, bytes);
                     result.latency_us = MicrosecondsSince(start);
                     write->done(result);
                     StartNext(write->target);
                   });
  }

  void StartNext(const CollectionName& name) {
    MutexLock lock(mutex_);
    const auto found = waiting_.find(name);
    if (found == waiting_.end()) {
      return;  // not one at a time
    }
    if (found->second.empty()) {
      waiting_.erase(found);
      return;
    }
    auto next = std::move(found->second.front());
    found->second.pop_front();
    Start(std::move(next));  // under the lock, so that CancelWrites finds it in one place
  }

  const std::chrono::milliseconds write_timeout_;
  Mutex mutex_;
  // Milvus Lite: what waits for the write in progress; a collection without one has no entry.
  std::map<CollectionName, Waiting> waiting_ CDC_GUARDED_BY(mutex_);
  // Behind what its callbacks use.
  MilvusChannel channel_;
  MetadataReader reader_;
  DdlClient ddl_;
};

}  // namespace

Result<std::unique_ptr<Target>> NewMilvusTarget(const TargetOptions& options) {
  CDC_ASSIGN_OR_RETURN(const Endpoint endpoint, ParseEndpoint(options.uri));
  CDC_ASSIGN_OR_RETURN(const auto credentials, ReadCredentials(options));
  return std::unique_ptr<Target>(std::make_unique<MilvusTarget>(endpoint, credentials, options));
}

}  // namespace cdc
