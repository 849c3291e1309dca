#include "sink/api/milvus_target.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <grpcpp/support/byte_buffer.h>

#include "encode/row_encoder.h"
#include "milvus.pb.h"
#include "milvus/access_client.h"
#include "milvus/credentials.h"
#include "milvus/ddl_client.h"
#include "milvus/endpoint.h"
#include "milvus/metadata_reader.h"
#include "milvus/milvus_call.h"
#include "milvus/milvus_channel.h"
#include "milvus/milvus_pulse.h"
#include "milvus/milvus_status.h"
#include "milvus/query.h"
#include "milvus/standby_probe.h"
#include "sink/access/milvus_access.h"
#include "sink/api/collection_turns.h"
#include "sink/ddl_collections.h"
#include "sink/key_pages.h"

namespace cdc {
namespace {

// Milvus Lite's Upsert merges the dynamic fields of the old row into the new one; its Insert
// replaces a row with the same key. Both requests have the same fields.
const char* MethodOf(RowOp op, bool is_lite) {
  switch (op) {
    case RowOp::kInsert: return "Insert";
    case RowOp::kUpsert: return is_lite ? "Insert" : "Upsert";
    case RowOp::kDelete: return "Delete";
  }
  return "";
}

WriteResult ToWriteResult(const CallResult& call, grpc::ByteBuffer* bytes) {
  if (!call.status.ok()) {
    return {call.status, call.in_doubt};
  }
  ::milvus::proto::milvus::MutationResult answer;
  if (Status parsed = MilvusChannel::Parse(bytes, &answer); !parsed.ok()) {
    // The server has answered, so the call may have been executed.
    return {std::move(parsed), /*in_doubt=*/true};
  }
  WriteResult result;
  result.status = FromMutationResult(answer, &result.in_doubt);
  return result;
}

// Writes the rows and the metadata of one Milvus. Each has a channel of its own, so that the calls
// of one can be cancelled without those of the other. gRPC uses one connection for both.
class MilvusTarget final : public Target,
                           private RowSink,
                           private MetadataSink,
                           private TargetCatalog,
                           private KeyReader {
 public:
  MilvusTarget(const Endpoint& endpoint,
               const MilvusChannel::Credentials& credentials,
               const TargetOptions& options)
      : ddl_timeout_(options.ddl_timeout),
        write_timeout_(options.write_timeout),
        metadata_channel_(endpoint, credentials),
        rows_channel_(endpoint, credentials),
        access_(&metadata_channel_, options.ddl_timeout) {}

  ~MilvusTarget() override { CancelWrites(); }

  RowSink& rows() override { return *this; }
  MetadataSink& metadata() override { return *this; }
  KeyReader* keys() override { return this; }
  AccessSink* access() override { return &access_; }
  std::vector<TargetTick> SentTicks() const override { return {}; }
  std::vector<TargetRows> LastRows() const override { return {}; }
  void AskPulse(std::chrono::milliseconds timeout, PulseDone done) override {
    AskMilvusPulse(&metadata_channel_, timeout, std::move(done));
  }

  // See TargetInfo::access_refusal.
  std::string FindAccessRefusal(std::chrono::milliseconds timeout) {
    if (is_lite_) {
      return "Milvus Lite has no users and roles";
    }
    return AccessClient({.channel = &metadata_channel_, .timeout = timeout})
        .ListUsersAndRoles()
        .status()
        .message();
  }

  Result<bool> IsStandby(std::chrono::milliseconds timeout) {
    return ProbeStandby({.channel = &metadata_channel_, .timeout = timeout});
  }

 private:
  struct PendingWrite {
    RowOp op;
    CollectionName target;
    grpc::ByteBuffer request;
    WriteDone done;
    bool has_turn = false;
  };

  Result<Connected> Connect(std::chrono::milliseconds timeout,
                            const std::stop_token& stop) override {
    const MilvusCalls calls{.channel = &metadata_channel_, .timeout = timeout, .stop = stop};
    CDC_ASSIGN_OR_RETURN(MilvusVersion version, GreetMilvus(calls));
    is_lite_ = version.is_lite;
    CDC_ASSIGN_OR_RETURN(std::string identity, ReadMilvusIdentity(calls));
    return Connected{.version = std::move(version.text),
                     .identity = std::move(identity),
                     .traits = {.deletes_by = dialect()}};
  }
  TargetCatalog* catalog() override { return this; }
  Result<std::vector<std::string>> ListDatabases(const std::stop_token& stop) override {
    return MetadataReader(Calls(stop), is_lite_).ListDatabases();
  }
  Result<std::optional<TargetCollection>> DescribeCollection(const CollectionName& name,
                                                             const std::stop_token& stop) override {
    CDC_ASSIGN_OR_RETURN(CollectionTurns::Turn turn, WaitForTurn({name}, stop));
    auto described = MetadataReader(Calls(stop), is_lite_).Describe(name);
    KeepIfStopped(&turn, stop);
    return described;
  }
  Status Apply(const Ddl& ddl, const std::stop_token& stop) override {
    CDC_ASSIGN_OR_RETURN(CollectionTurns::Turn turn, WaitForTurn(CollectionsOf(ddl), stop));
    Status applied = DdlClient(Calls(stop), is_lite_).Apply(ddl);
    KeepIfStopped(&turn, stop);
    return applied;
  }

  bool has_keys_by_partition() const override { return !is_lite_; }
  Result<KeyPage> ReadKeys(const KeyScope& scope,
                           const std::optional<PrimaryKey>& after,
                           const std::stop_token& stop) override {
    CDC_ASSIGN_OR_RETURN(CollectionTurns::Turn turn, WaitForTurn({scope.target}, stop));
    auto page = ReadKeyPage(scope, after,
                            {.dialect = dialect(),
                             .smallest_first = !is_lite_,
                             .query = [&](const std::string& expression, size_t limit) {
                               return QueryKeys(Calls(stop), {.collection = scope.target,
                                                              .primary_key = scope.primary_key,
                                                              .expression = expression,
                                                              .partition = scope.partition,
                                                              .limit = limit});
                             }});
    KeepIfStopped(&turn, stop);
    return page;
  }

  void Write(const RowBatch& batch, WriteDone done) override {
    grpc::ByteBuffer request;
    if (Status status = EncodeRows(batch, dialect(), &request); !status.ok()) {
      done({std::move(status), /*in_doubt=*/false});
      return;
    }
    auto write = std::make_shared<PendingWrite>(
        PendingWrite{batch.op, batch.target, std::move(request), std::move(done)});
    if (!is_lite_) {
      Start(std::move(write));
      return;
    }
    const auto cancel = [write] {
      write->done({CancelledError("cancelled before it was sent"), /*in_doubt=*/false});
    };
    write->has_turn = true;  // when Start is called
    turns_.Queue(batch.target, {.start = [this, write] { Start(write); }, .cancel = cancel});
  }

  // First the writes that wait for their turn: otherwise the end of a cancelled call would start
  // the next one.
  void CancelWrites() override {
    turns_.CancelJobs();
    rows_channel_.CancelAll();
  }

  Result<CollectionTurns::Turn> WaitForTurn(const std::vector<CollectionName>& names,
                                            const std::stop_token& stop) {
    return is_lite_ ? turns_.Wait(names, stop) : CollectionTurns::Turn(&turns_);
  }

  // Milvus Lite may still execute a call that was cancelled here, so no row may be written to the
  // collection at the same time. Writes that wait for their turn are ended by CancelWrites.
  static void KeepIfStopped(CollectionTurns::Turn* turn, const std::stop_token& stop) {
    if (stop.stop_requested()) {
      turn->Keep();
    }
  }

  ExpressionDialect dialect() const {
    return is_lite_ ? ExpressionDialect::kLite : ExpressionDialect::kMilvus;
  }

  MilvusCalls Calls(const std::stop_token& stop) {
    return {.channel = &metadata_channel_, .timeout = ddl_timeout_, .stop = stop};
  }

  void Start(std::shared_ptr<PendingWrite> write) {
    grpc::ByteBuffer request;
    request.Swap(&write->request);
    const PendingWrite& ref = *write;
    rows_channel_.Start(
        MethodOf(ref.op, is_lite_), ref.target.database, request, write_timeout_,
        [this, write = std::move(write)](const CallResult& call, grpc::ByteBuffer* bytes) {
          write->done(ToWriteResult(call, bytes));
          if (write->has_turn) {
            turns_.End(write->target);
          }
        });
  }

  const std::chrono::milliseconds ddl_timeout_;
  const std::chrono::milliseconds write_timeout_;
  std::atomic<bool> is_lite_ = false;  // set by Connect, read by writes on other threads
  CollectionTurns turns_;              // used only for Milvus Lite
  // Declared after what their callbacks use: their destructors wait for the callbacks.
  MilvusChannel metadata_channel_;
  MilvusChannel rows_channel_;
  MilvusAccess access_;
};

}  // namespace

Result<std::unique_ptr<Target>> NewMilvusTarget(const TargetOptions& options) {
  CDC_ASSIGN_OR_RETURN(const Endpoint endpoint, ParseEndpoint(options.uri));
  CDC_ASSIGN_OR_RETURN(const auto credentials, ReadCredentials(options.token, options.tls));
  return std::unique_ptr<Target>(std::make_unique<MilvusTarget>(endpoint, credentials, options));
}

Result<TargetInfo> CheckMilvus(const TargetOptions& options, std::chrono::milliseconds timeout) {
  CDC_ASSIGN_OR_RETURN(const Endpoint endpoint, ParseEndpoint(options.uri));
  CDC_ASSIGN_OR_RETURN(const auto credentials, ReadCredentials(options.token, options.tls));
  MilvusTarget target(endpoint, credentials, options);
  CDC_ASSIGN_OR_RETURN(MetadataSink::Connected connected, target.metadata().Connect(timeout, {}));
  TargetInfo info{.version = std::move(connected.version),
                  .identity = std::move(connected.identity),
                  .deletes_by = connected.traits.deletes_by};
  info.access_refusal = target.FindAccessRefusal(timeout);
  const Result<bool> is_standby = target.IsStandby(timeout);
  if (is_standby.status().code() == StatusCode::kPermissionDenied ||
      is_standby.status().code() == StatusCode::kUnauthenticated) {
    // A user that may insert needs no more for an ordinary target.
    info.standby_refusal = is_standby.status().message();
    return info;
  }
  CDC_ASSIGN_OR_RETURN(info.is_standby, is_standby);
  return info;
}

}  // namespace cdc
