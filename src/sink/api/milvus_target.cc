#include "sink/api/milvus_target.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <future>
#include <iterator>
#include <map>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <grpcpp/support/byte_buffer.h>

#include "base/mutex.h"
#include "encode/row_encoder.h"
#include "milvus.pb.h"
#include "milvus/credentials.h"
#include "milvus/ddl_client.h"
#include "milvus/endpoint.h"
#include "milvus/metadata_reader.h"
#include "milvus/milvus_channel.h"
#include "milvus/milvus_pulse.h"
#include "milvus/milvus_status.h"
#include "milvus/standby_probe.h"
#include "sink/target.h"

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

std::vector<CollectionName> CollectionsOf(const Ddl& ddl) {
  return std::visit(
      [](const auto& change) -> std::vector<CollectionName> {
        using Change = std::decay_t<decltype(change)>;
        if constexpr (std::is_same_v<Change, RenameCollection>) {
          return {change.from, change.to};
        } else if constexpr (std::is_same_v<decltype(change.name), CollectionName>) {
          return {change.name};
        } else {
          return {};  // of a database
        }
      },
      ddl);
}

// Milvus Lite has no locks. At a flush it swaps its tables: a row written beside that, or beside
// another write, could be lost. And whoever names a collection first after a rename or a restart
// opens it: two at the same time open it twice, and what is written to the one is not in the other.
// So everything that is done to one of its collections, a look too, goes one at a time, in the
// order in which it came; several at a time would not be faster.
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
    CDC_ASSIGN_OR_RETURN(const Turns turns, WaitForTurns({name}));
    return reader_.Describe(name);
  }
  Traits traits() const override { return {.deletes_by = dialect()}; }
  Status Apply(const Ddl& ddl) override {
    CDC_ASSIGN_OR_RETURN(const Turns turns, WaitForTurns(CollectionsOf(ddl)));
    return ddl_.Apply(ddl);
  }

  void Write(const RowBatch& batch, WriteDone done) override {
    grpc::ByteBuffer request;
    if (Status status = EncodeRows(batch, dialect(), &request); !status.ok()) {
      done({std::move(status), /*in_doubt=*/false, 0});
      return;
    }
    auto write = std::make_shared<PendingWrite>(
        PendingWrite{batch.op, batch.target, std::move(request), std::move(done)});
    if (!reader_.is_lite()) {
      Start(std::move(write));
      return;
    }
    Queue(batch.target, {[this, write] { Start(write); },
                         [write] {
                           write->done({CancelledError("cancelled before it was sent"),
                                        /*in_doubt=*/false, 0});
                         }});
  }

  void CancelWrites() override {
    std::vector<Job> never_begun;
    {
      MutexLock lock(mutex_);
      for (auto& [name, waiting] : waiting_) {
        std::move(waiting.begin(), waiting.end(), std::back_inserter(never_begun));
        waiting.clear();
      }
      channel_.CancelAll();
    }
    for (const Job& job : never_begun) {
      job.cancel();
    }
  }

 private:
  struct PendingWrite {
    RowOp op;
    CollectionName target;
    grpc::ByteBuffer request;
    WriteDone done;
  };
  // Something to do with a collection when its turn has come. Both return at once.
  struct Job {
    std::function<void()> start;
    std::function<void()> cancel;  // instead of `start`
  };

  // The turns of these collections, until its end.
  class Turns {
   public:
    Turns(MilvusTarget* target, std::vector<CollectionName> names)
        : target_(target), names_(std::move(names)) {}
    ~Turns() {
      for (const CollectionName& name : names_) {
        target_->StartNext(name);
      }
    }
    Turns(Turns&& other) noexcept
        : target_(other.target_), names_(std::exchange(other.names_, {})) {}
    Turns(const Turns&) = delete;
    Turns& operator=(const Turns&) = delete;
    Turns& operator=(Turns&&) = delete;

    void Add(const CollectionName& name) { names_.push_back(name); }

   private:
    MilvusTarget* target_;
    std::vector<CollectionName> names_;
  };

  // Waits as long as the writes before it take. kCancelled: CancelWrites came first.
  Result<Turns> WaitForTurns(const std::vector<CollectionName>& names) {
    Turns turns(this, {});
    if (!reader_.is_lite()) {
      return turns;
    }
    for (const CollectionName& name : names) {
      const auto turn = std::make_shared<std::promise<bool>>();
      std::future<bool> has_come = turn->get_future();
      Queue(name, {[turn] { turn->set_value(true); }, [turn] { turn->set_value(false); }});
      if (!has_come.get()) {
        return CancelledError("cancelled before it was sent");
      }
      turns.Add(name);
    }
    return turns;
  }

  void Queue(const CollectionName& name, Job job) {
    MutexLock lock(mutex_);
    const auto [waiting, is_first] = waiting_.try_emplace(name);
    if (is_first) {
      job.start();
    } else {
      waiting->second.push_back(std::move(job));
    }
  }

  ExpressionDialect dialect() const {
    return reader_.is_lite() ? ExpressionDialect::kLite : ExpressionDialect::kMilvus;
  }

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
    const Job next = std::move(found->second.front());
    found->second.pop_front();
    next.start();  // under the lock, so that CancelWrites finds it in one place
  }

  const std::chrono::milliseconds write_timeout_;
  Mutex mutex_;
  // Milvus Lite: what waits for what is being done to a collection; without that it has no entry.
  std::map<CollectionName, std::deque<Job>> waiting_ CDC_GUARDED_BY(mutex_);
  // Behind what its callbacks use.
  MilvusChannel channel_;
  MetadataReader reader_;
  DdlClient ddl_;
};

}  // namespace

Result<std::unique_ptr<Target>> NewMilvusTarget(const TargetOptions& options) {
  CDC_ASSIGN_OR_RETURN(const Endpoint endpoint, ParseEndpoint(options.uri));
  CDC_ASSIGN_OR_RETURN(const auto credentials, ReadCredentials(options.token, options.tls));
  return std::unique_ptr<Target>(std::make_unique<MilvusTarget>(endpoint, credentials, options));
}

}  // namespace cdc
