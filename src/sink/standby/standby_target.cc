#include "sink/standby/standby_target.h"

#include <atomic>
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
#include "milvus/standby_probe.h"
#include "sink/standby/standby_layout.h"
#include "sink/standby/standby_message.h"

namespace cdc {
namespace {

// Counts what is under way. Thread-safe.
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

// The outcome of several sends. Lives until the last has ended.
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

  // The newest stamp.
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

class StandbyTarget final : public Target {
 public:
  StandbyTarget(const Endpoint& endpoint,
                const MilvusChannel::Credentials& credentials,
                const TargetOptions& options,
                std::shared_ptr<StandbyHub> hub)
      : options_(options),
        hub_(std::move(hub)),
        channel_(endpoint, credentials),
        reader_(&channel_, options.ddl_timeout),
        ddl_(&channel_, &reader_, options.ddl_timeout),
        layouts_(&channel_,
                 {.timeout = options.ddl_timeout, .on_layout = [this](const StandbyLayout& layout) {
                    hub_->Tick(layout.pchannels);
                  }}) {}

  ~StandbyTarget() override {
    do {
      CancelWrites();
    } while (!pending_.WaitForNone(std::chrono::milliseconds(20)));
  }

  Result<std::string> Connect(std::chrono::milliseconds timeout) override {
    CDC_ASSIGN_OR_RETURN(std::string version, reader_.Connect(timeout));
    CDC_ASSIGN_OR_RETURN(const bool is_standby, IsStandby(timeout));
    if (!is_standby) {
      return FailedPreconditionError(kNoStandby);
    }
    CDC_RETURN_IF_ERROR(hub_->UseCredentials(options_));
    return version;
  }
  Result<bool> IsStandby(std::chrono::milliseconds timeout) override {
    return ProbeStandby(&channel_, timeout);
  }
  // It serves only as long as it takes ticks.
  void AskPulse(std::chrono::milliseconds timeout, PulseDone done) override {
    const Status ticks = hub_->Health();
    if (!ticks.ok()) {
      done(ticks);
      return;
    }
    AskMilvusPulse(&channel_, timeout, std::move(done));
  }
  Traits traits() const override { return {.keeps_auto_id = true, .same_shards = true}; }

  Result<std::vector<std::string>> ListDatabases() override { return reader_.ListDatabases(); }
  Result<std::vector<std::string>> ListCollections(const std::string& database) override {
    return reader_.ListCollections(database);
  }
  Result<std::optional<TargetCollection>> DescribeCollection(const CollectionName& name) override {
    return reader_.Describe(name);
  }

  Status Apply(const Ddl& ddl) override {
    return std::visit([this](const auto& change) { return Run(change); }, ddl);
  }

  void Write(const RowBatch& batch, WriteDone done) override {
    pending_.Begin();
    layouts_.Find(batch.target,
                  [this, batch, done = std::move(done)](const Result<StandbyLayoutPtr>& layout) {
                    if (!layout.ok()) {
                      End(done, {layout.status(), /*in_doubt=*/false, 0});
                      return;
                    }
                    Result<StandbyRows> rows = EncodeStandbyRows(batch, **layout);
                    if (!rows.ok()) {
                      if (rows.status().code() == StatusCode::kNotFound) {
                        layouts_.Forget(batch.target);  // a partition that is new
                      }
                      End(done, {rows.status(), /*in_doubt=*/false, 0});
                      return;
                    }
                    Send(rows->pchannel, std::move(rows->messages),
                         [this, name = batch.target, done](const StandbyHub::Sent& sent) {
                           if (!sent.result.status.ok()) {
                             layouts_.Forget(name);  // it may not be what it was
                           }
                           End(done, sent.result);
                         });
                  });
  }

  // For good: nothing is begun any more.
  void CancelWrites() override {
    cancelled_ = true;
    channel_.CancelAll();
    hub_->Cancel(this);
  }

 private:
  void End(const WriteDone& done, const WriteResult& result) {
    done(result);
    pending_.End();
  }

  // Learns in time what to tick: a load waits for it.
  void LearnChannels(const CollectionName& name) {
    pending_.Begin();
    layouts_.Find(name, [this](const Result<StandbyLayoutPtr>&) { pending_.End(); });
  }

  // Queues messages unless, or until, everything is cancelled.
  void Send(const std::string& pchannel,
            std::vector<StandbyMessage> messages,
            StandbyHub::Done done) {
    hub_->Send(this, pchannel, std::move(messages), std::move(done));
    if (cancelled_) {
      hub_->Cancel(this);  // the first one may have come before
    }
  }

  // Sends `message` to every channel of a collection, behind all that was sent before.
  Result<Timestamp> Tell(const StandbyLayout& layout, const StandbyMessage& message) {
    auto sends = std::make_shared<Sends>(layout.pchannels.size());
    for (const std::string& pchannel : layout.pchannels) {
      pending_.Begin();
      Send(pchannel, {message}, [this, sends](const StandbyHub::Sent& sent) {
        sends->End(sent);
        pending_.End();
      });
    }
    return sends->Wait();
  }

  Status Run(const CreateCollection& ddl) {
    CDC_RETURN_IF_ERROR(ddl_.Apply(ddl));
    layouts_.Forget(ddl.name);
    LearnChannels(ddl.name);
    return OkStatus();
  }

  // First the messages, then the call: its nodes leave a channel because of a message, and a crash
  // in between leaves something to drop.
  Status Run(const DropCollection& ddl) {
    const Result<StandbyLayoutPtr> layout = layouts_.Look(ddl.name);
    if (layout.status().code() == StatusCode::kNotFound) {
      return ddl_.Apply(ddl);
    }
    CDC_RETURN_IF_ERROR(layout.status());
    CDC_ASSIGN_OR_RETURN(const Timestamp ts,
                         Tell(**layout, DropCollectionMessage(ddl.name, (*layout)->id)));
    layouts_.Forget(ddl.name);
    FaultPoint("drop_told");
    return cancelled_ ? CancelledError("cancelled") : ddl_.ApplyTold(ddl, ts);
  }

  Status Run(const DropPartition& ddl) {
    const Result<StandbyLayoutPtr> layout = layouts_.Look(ddl.name);
    if (layout.status().code() == StatusCode::kNotFound) {
      return ddl_.Apply(ddl);
    }
    CDC_RETURN_IF_ERROR(layout.status());
    const auto partition = (*layout)->partitions.find(ddl.partition);
    if (partition == (*layout)->partitions.end()) {
      return ddl_.Apply(ddl);
    }
    CDC_ASSIGN_OR_RETURN(const Timestamp ts,
                         Tell(**layout, DropPartitionMessage(ddl.name, (*layout)->id, ddl.partition,
                                                             partition->second)));
    layouts_.Forget(ddl.name);
    FaultPoint("drop_told");
    return cancelled_ ? CancelledError("cancelled") : ddl_.ApplyTold(ddl, ts);
  }

  Status Run(const CreatePartition& ddl) {
    layouts_.Forget(ddl.name);
    const Status status = ddl_.Apply(ddl);
    layouts_.Forget(ddl.name);
    return status;
  }

  Status Run(const RenameCollection& ddl) {
    const Status status = ddl_.Apply(ddl);
    layouts_.Forget(ddl.from);
    layouts_.Forget(ddl.to);
    return status;
  }

  template <class Other>
  Status Run(const Other& ddl) {
    return ddl_.Apply(ddl);
  }

  const TargetOptions options_;
  const std::shared_ptr<StandbyHub> hub_;
  std::atomic<bool> cancelled_ = false;
  Pending pending_;
  // Behind what its callbacks use.
  MilvusChannel channel_;
  MetadataReader reader_;
  DdlClient ddl_;
  StandbyLayouts layouts_;
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
