#include "server/source_connector.h"

#include <chrono>
#include <utility>

#include <spdlog/spdlog.h>

namespace cdc {
namespace {

// A request during startup waits this long for the first attempt, whose outcome then decides it.
constexpr std::chrono::seconds kFirstAttempt{10};

}  // namespace

SourceConnector::SourceConnector(Open open, BackoffOptions backoff, CheckTargetOnly check_target)
    : open_(std::move(open)),
      check_target_(std::move(check_target)),
      backoff_(backoff),
      failure_(UnavailableError("the source is not open yet")) {}

SourceConnector::~SourceConnector() { Stop(); }

void SourceConnector::Begin(std::function<void()> on_ready) {
  on_ready_ = std::move(on_ready);
  thread_ = Thread("cdc-source", [this](const std::stop_token& stop) { Connect(stop); });
}

void SourceConnector::Stop() {
  stopping_.request_stop();
  thread_.RequestStop();
  thread_.Join();
}

void SourceConnector::Connect(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    Result<std::unique_ptr<OpenSource>> source = open_();
    if (source.ok()) {
      {
        MutexLock lock(mutex_);
        source_ = *std::move(source);
        attempted_ = true;
        wakeup_.NotifyAll();
      }
      // Without the lock: the tasks start at once and call Ready.
      spdlog::info("the source is open");
      on_ready_();
      return;
    }
    const Status failure =
        UnavailableError("the source is not ready: " + source.status().message());
    bool news = false;
    {
      MutexLock lock(mutex_);
      news = failure_ != failure;
      failure_ = failure;
      attempted_ = true;
      wakeup_.NotifyAll();
    }
    if (news) {
      spdlog::error("{}; will try again", failure.message());
    }
    MutexLock lock(mutex_);
    wakeup_.WaitFor(lock, stop, backoff_.Next(), [] { return false; });
  }
}

Result<Replicator*> SourceConnector::Ready() {
  MutexLock lock(mutex_);
  wakeup_.WaitFor(lock, stopping_.get_token(), kFirstAttempt, [this] { return attempted_; });
  if (source_ == nullptr) {
    return failure_;
  }
  return source_->replicator();
}

Status SourceConnector::Health() const {
  OpenSource* source = nullptr;
  {
    MutexLock lock(mutex_);
    if (source_ == nullptr) {
      return failure_;
    }
    source = source_.get();  // once set it stays
  }
  return source->Health();
}

Result<TargetInfo> SourceConnector::CheckTarget(const MilvusConnectParam& target) {
  const Result<Replicator*> replicator = Ready();
  if (!replicator.ok() && check_target_) {
    return check_target_(target);
  }
  CDC_RETURN_IF_ERROR(replicator.status());
  return (*replicator)->CheckTarget(target);
}

Status SourceConnector::CheckHasOwn(const TaskSpec& spec) {
  CDC_ASSIGN_OR_RETURN(Replicator* const replicator, Ready());
  return replicator->CheckHasOwn(spec);
}

Result<SourcePresent> SourceConnector::Present() {
  CDC_ASSIGN_OR_RETURN(Replicator* const replicator, Ready());
  return replicator->Present();
}

Status SourceConnector::Prepare(const TaskSpec& spec, const TargetInfo& target) {
  CDC_ASSIGN_OR_RETURN(Replicator* const replicator, Ready());
  return replicator->Prepare(spec, target);
}

PlanItems SourceConnector::Plan(const TaskSpec& spec, const TargetInfo* target) {
  const Result<Replicator*> replicator = Ready();
  if (!replicator.ok()) {
    return {RefusedItem("source", "", replicator.status(),
                        "see whether sourceConfig in the configuration is right and what it names "
                        "runs")};
  }
  return (*replicator)->Plan(spec, target);
}

Result<CollectionId> SourceConnector::FindCollection(const TaskSpec& spec,
                                                     const CollectionName& name) {
  CDC_ASSIGN_OR_RETURN(Replicator* const replicator, Ready());
  return replicator->FindCollection(spec, name);
}

Status SourceConnector::Change(const TaskSpec& spec, const TaskChanges& changes) {
  CDC_ASSIGN_OR_RETURN(Replicator* const replicator, Ready());
  return replicator->Change(spec, changes);
}

Result<std::vector<ScopeNote>> SourceConnector::Rescope(const TaskSpec& before,
                                                        const TaskRecord& task,
                                                        const TargetInfo& target) {
  CDC_ASSIGN_OR_RETURN(Replicator* const replicator, Ready());
  return replicator->Rescope(before, task, target);
}

Result<std::vector<ScopeNote>> SourceConnector::Reposition(
    const TaskSpec& spec, const std::map<CollectionName, GivenPositions>& places, bool force) {
  CDC_ASSIGN_OR_RETURN(Replicator* const replicator, Ready());
  return replicator->Reposition(spec, places, force);
}

Result<std::unique_ptr<Replication>> SourceConnector::Start(const TaskSpec& spec,
                                                            OnFailed on_failed) {
  CDC_ASSIGN_OR_RETURN(Replicator* const replicator, Ready());
  return replicator->Start(spec, std::move(on_failed));
}

}  // namespace cdc
