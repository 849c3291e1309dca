#include "sink/standby/standby_target.h"

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>
#include <variant>

#include "base/fault_point.h"
#include "base/mutex.h"
#include "milvus/credentials.h"
#include "milvus/ddl_client.h"
#include "milvus/endpoint.h"
#include "milvus/metadata_reader.h"
#include "milvus/milvus_channel.h"
#include "milvus/milvus_pulse.h"
#include "milvus/query.h"
#include "milvus/standby_probe.h"
#include "sink/access/milvus_access.h"
#include "sink/key_pages.h"
#include "sink/standby/last_row_positions.h"
#include "sink/standby/standby_layout.h"
#include "sink/standby/standby_message.h"

namespace cdc {
namespace {

// Counts operations in progress. Thread-safe.
class Pending {
 public:
  void Begin() {
    MutexLock lock(mutex_);
    ++count_;
  }
  void End() {
    MutexLock lock(mutex_);
    --count_;
    changed_.NotifyAll();
  }
  bool WaitForNone(std::chrono::milliseconds timeout) {
    MutexLock lock(mutex_);
    return changed_.WaitFor(lock, std::stop_token(), timeout, [this] { return count_ == 0; });
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  size_t count_ CDC_GUARDED_BY(mutex_) = 0;
};

// Collects the outcomes of several sends. Thread-safe.
class Sends {
 public:
  explicit Sends(size_t count) : left_(count) {}

  void End(const StandbyHub::Sent& sent) {
    MutexLock lock(mutex_);
    if (status_.ok()) {
      status_ = sent.result.status;
    }
    stamp_ = std::max(stamp_, sent.stamp);
    --left_;
    changed_.NotifyAll();
  }

  // Returns the newest stamp after the last End, or the first error. Needs no stop token: every
  // send ends, at the latest by StandbyHub::Cancel.
  Result<Timestamp> Wait() {
    MutexLock lock(mutex_);
    changed_.Wait(lock, std::stop_token(), [this] { return left_ == 0; });
    CDC_RETURN_IF_ERROR(status_);
    return stamp_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  size_t left_ CDC_GUARDED_BY(mutex_);
  Status status_ CDC_GUARDED_BY(mutex_);
  Timestamp stamp_ CDC_GUARDED_BY(mutex_);
};

// Rows and metadata have a channel each, and to the hub they are two owners, so that either can be
// cancelled without the other.
class StandbyTarget final : public Target,
                            private RowSink,
                            private MetadataSink,
                            private TargetCatalog,
                            private KeyReader {
 public:
  StandbyTarget(const Endpoint& endpoint,
                const MilvusChannel::Credentials& credentials,
                const TargetOptions& options,
                std::shared_ptr<StandbyHub> hub)
      : options_(options),
        hub_(std::move(hub)),
        layouts_(
            &rows_channel_,
            {.timeout = options.ddl_timeout,
             .on_layout = [this](const StandbyLayout& layout) { hub_->Tick(layout.pchannels); }}),
        metadata_channel_(endpoint, credentials),
        rows_channel_(endpoint, credentials),
        access_(&metadata_channel_, options.ddl_timeout) {}

  // A callback in progress may start the next call after a cancellation, so cancel until none is
  // left.
  ~StandbyTarget() override {
    do {
      CancelWrites();
    } while (!pending_.WaitForNone(std::chrono::milliseconds(20)));
  }

  RowSink& rows() override { return *this; }
  MetadataSink& metadata() override { return *this; }
  KeyReader* keys() override { return this; }
  AccessSink* access() override { return &access_; }
  std::vector<TargetTick> SentTicks() const override { return hub_->SentTicks(); }
  std::vector<TargetRows> LastRows() const override { return last_rows_.List(); }

  // A standby that gets no ticks is dead to its users, even if its API answers.
  void AskPulse(std::chrono::milliseconds timeout, PulseDone done) override {
    const Status ticks = hub_->Health();
    if (!ticks.ok()) {
      done(ticks);
      return;
    }
    AskMilvusPulse(&metadata_channel_, timeout, std::move(done));
  }

 private:
  Result<Connected> Connect(std::chrono::milliseconds timeout,
                            const std::stop_token& stop) override {
    const MilvusCalls calls{.channel = &metadata_channel_, .timeout = timeout, .stop = stop};
    CDC_ASSIGN_OR_RETURN(MilvusVersion version, GreetMilvus(calls));
    CDC_ASSIGN_OR_RETURN(const bool is_standby, ProbeStandby(calls));
    if (!is_standby) {
      return FailedPreconditionError(kNoStandby);
    }
    CDC_ASSIGN_OR_RETURN(std::string identity, ReadMilvusIdentity(calls));
    CDC_RETURN_IF_ERROR(hub_->UseAccess(options_));
    CDC_RETURN_IF_ERROR(hub_->Health());  // without ticks it completes no load
    return Connected{.version = std::move(version.text),
                     .identity = std::move(identity),
                     .traits = {.keeps_auto_id = true, .same_shards = true}};
  }

  TargetCatalog* catalog() override { return this; }
  Result<std::vector<std::string>> ListDatabases(const std::stop_token& stop) override {
    return MetadataReader(Calls(stop), kIsLite).ListDatabases();
  }
  Result<std::optional<TargetCollection>> DescribeCollection(const CollectionName& name,
                                                             const std::stop_token& stop) override {
    return MetadataReader(Calls(stop), kIsLite).Describe(name);
  }

  Status Apply(const Ddl& ddl, const std::stop_token& stop) override {
    return std::visit([this, &stop](const auto& change) { return Run(change, stop); }, ddl);
  }

  bool has_keys_by_partition() const override { return true; }
  Result<KeyPage> ReadKeys(const KeyScope& scope,
                           const std::optional<PrimaryKey>& after,
                           const std::stop_token& stop) override {
    return ReadKeyPage(scope, after,
                       {.dialect = ExpressionDialect::kMilvus,
                        .smallest_first = true,
                        .query = [&](const std::string& expression, size_t limit) {
                          return QueryKeys(Calls(stop), {.collection = scope.target,
                                                         .primary_key = scope.primary_key,
                                                         .expression = expression,
                                                         .partition = scope.partition,
                                                         .limit = limit});
                        }});
  }

  void Write(const RowBatch& batch, WriteDone done) override {
    pending_.Begin();
    layouts_.Find(batch.target,
                  [this, batch, done = std::move(done)](const Result<StandbyLayoutPtr>& layout) {
                    if (!layout.ok()) {
                      End(done, {layout.status(), /*in_doubt=*/false});
                      return;
                    }
                    Result<StandbyRows> rows = EncodeStandbyRows(batch, **layout);
                    if (!rows.ok()) {
                      if (rows.status().code() == StatusCode::kNotFound) {
                        layouts_.Forget(batch.target);  // the partition may be new
                      }
                      End(done, {rows.status(), /*in_doubt=*/false});
                      return;
                    }
                    Send(rows->pchannel, std::move(rows->messages),
                         [this, name = batch.target, pchannel = rows->pchannel,
                          done](const StandbyHub::Sent& sent) {
                           if (sent.result.status.ok()) {
                             last_rows_.Note(name, pchannel, sent);
                           } else {
                             layouts_.Forget(name);  // its ids may be outdated
                           }
                           End(done, sent.result);
                         });
                  });
  }

  // Final: no write is sent from now on.
  void CancelWrites() override {
    cancelled_ = true;
    rows_channel_.CancelAll();
    hub_->Cancel(RowOwner());
  }

  void End(const WriteDone& done, const WriteResult& result) {
    done(result);
    pending_.End();
  }

  // Has the channels of a new collection ticked: its load waits for ticks, even before any row.
  void LearnChannels(const CollectionName& name) {
    pending_.Begin();
    layouts_.Find(name, [this](const Result<StandbyLayoutPtr>&) { pending_.End(); });
  }

  // Reads the layout, whatever is cached. A stop ends the wait, not the calls: they stay pending,
  // and the destructor waits for them.
  Result<StandbyLayoutPtr> ReadLayout(const CollectionName& name, const std::stop_token& stop) {
    struct Waiter {
      Mutex mutex;
      CondVar changed;
      std::optional<Result<StandbyLayoutPtr>> layout CDC_GUARDED_BY(mutex);
    };
    const auto waiter = std::make_shared<Waiter>();
    layouts_.Forget(name);
    pending_.Begin();
    layouts_.Find(name, [this, waiter](const Result<StandbyLayoutPtr>& layout) {
      {
        MutexLock lock(waiter->mutex);
        waiter->layout = layout;
        waiter->changed.NotifyAll();
      }
      pending_.End();
    });
    MutexLock lock(waiter->mutex);
    if (!waiter->changed.Wait(lock, stop, [&waiter] { return waiter->layout.has_value(); })) {
      return CancelledError("cancelled while asking for " + name.ToString());
    }
    return *waiter->layout;
  }

  // The owner of rows, as the hub knows it.
  const void* RowOwner() const { return &rows_channel_; }

  // Queues the messages of a write. Ends them if writes are, or are about to be, cancelled.
  void Send(const std::string& pchannel,
            std::vector<StandbyMessage> messages,
            StandbyHub::Done done) {
    hub_->Send(RowOwner(), pchannel, std::move(messages), std::move(done));
    if (cancelled_) {
      hub_->Cancel(RowOwner());  // CancelWrites may have missed what was queued just now
    }
  }

  // Sends `message` to every channel of a collection, after everything queued before. Returns the
  // newest stamp.
  Result<Timestamp> Announce(const StandbyLayout& layout,
                             const StandbyMessage& message,
                             const std::stop_token& stop) {
    auto sends = std::make_shared<Sends>(layout.pchannels.size());
    const void* const owner = sends.get();
    for (const std::string& pchannel : layout.pchannels) {
      pending_.Begin();
      hub_->Send(owner, pchannel, {message}, [this, sends](const StandbyHub::Sent& sent) {
        sends->End(sent);
        pending_.End();
      });
    }
    const std::stop_callback cancel(stop, [this, owner] { hub_->Cancel(owner); });
    return sends->Wait();
  }

  Status Run(const CreateCollection& ddl, const std::stop_token& stop) {
    CDC_RETURN_IF_ERROR(DdlClient(Calls(stop), kIsLite).Apply(ddl));
    layouts_.Forget(ddl.name);
    LearnChannels(ddl.name);
    return OkStatus();
  }

  Status Run(const DropCollection& ddl, const std::stop_token& stop) {
    last_rows_.Forget(ddl.name);
    const Result<StandbyLayoutPtr> layout = ReadLayout(ddl.name, stop);
    if (layout.status().code() == StatusCode::kNotFound) {
      return DdlClient(Calls(stop), kIsLite).Apply(ddl);
    }
    CDC_RETURN_IF_ERROR(layout.status());
    return Drop(ddl, **layout, DropCollectionMessage(ddl.name, (*layout)->id), stop);
  }

  Status Run(const DropPartition& ddl, const std::stop_token& stop) {
    const Result<StandbyLayoutPtr> layout = ReadLayout(ddl.name, stop);
    if (layout.status().code() == StatusCode::kNotFound) {
      return DdlClient(Calls(stop), kIsLite).Apply(ddl);
    }
    CDC_RETURN_IF_ERROR(layout.status());
    const auto partition = (*layout)->partitions.find(ddl.partition);
    if (partition == (*layout)->partitions.end()) {
      return DdlClient(Calls(stop), kIsLite).Apply(ddl);
    }
    return Drop(ddl, **layout,
                DropPartitionMessage(ddl.name, (*layout)->id, ddl.partition, partition->second),
                stop);
  }

  // First the messages, then the call. The standby's nodes leave a channel because of the message.
  // If we crash in between, the collection or partition still exists and is dropped again; in the
  // reverse order nobody would know that the messages are still missing.
  template <class DropDdl>
  Status Drop(const DropDdl& ddl,
              const StandbyLayout& layout,
              const StandbyMessage& message,
              const std::stop_token& stop) {
    CDC_ASSIGN_OR_RETURN(const Timestamp ts, Announce(layout, message, stop));
    layouts_.Forget(ddl.name);
    FaultPoint("drop_told");
    return stop.stop_requested() ? CancelledError("cancelled")
                                 : DdlClient(Calls(stop), kIsLite).ApplyTold(ddl, ts);
  }

  Status Run(const CreatePartition& ddl, const std::stop_token& stop) {
    layouts_.Forget(ddl.name);
    const Status status = DdlClient(Calls(stop), kIsLite).Apply(ddl);
    layouts_.Forget(ddl.name);
    return status;
  }

  Status Run(const RenameCollection& ddl, const std::stop_token& stop) {
    const Status status = DdlClient(Calls(stop), kIsLite).Apply(ddl);
    layouts_.Forget(ddl.from);
    layouts_.Forget(ddl.to);
    last_rows_.Forget(ddl.from);
    last_rows_.Forget(ddl.to);
    return status;
  }

  template <class Other>
  Status Run(const Other& ddl, const std::stop_token& stop) {
    return DdlClient(Calls(stop), kIsLite).Apply(ddl);
  }

  MilvusCalls Calls(const std::stop_token& stop) {
    return {.channel = &metadata_channel_, .timeout = options_.ddl_timeout, .stop = stop};
  }

  static constexpr bool kIsLite = false;

  const TargetOptions options_;
  const std::shared_ptr<StandbyHub> hub_;
  std::atomic<bool> cancelled_ = false;
  Pending pending_;
  LastRowPositions last_rows_;
  StandbyLayouts layouts_;
  // After everything that the callbacks of their calls use.
  MilvusChannel metadata_channel_;
  MilvusChannel rows_channel_;
  MilvusAccess access_;
};

}  // namespace

Result<std::unique_ptr<Target>> NewStandbyTarget(const TargetOptions& options,
                                                 std::shared_ptr<StandbyHub> hub) {
  CDC_ASSIGN_OR_RETURN(const Endpoint endpoint, ParseEndpoint(options.uri));
  CDC_ASSIGN_OR_RETURN(const auto credentials, ReadCredentials(options.token, options.tls));
  return std::unique_ptr<Target>(
      std::make_unique<StandbyTarget>(endpoint, credentials, options, std::move(hub)));
}

}  // namespace cdc
