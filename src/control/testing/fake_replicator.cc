#include "control/testing/fake_replicator.h"

#include <stop_token>
#include <utility>

namespace cdc {

class FakeReplication final : public Replication {
 public:
  FakeReplication(FakeReplicator* owner, std::string id) : owner_(owner), id_(std::move(id)) {}
  ~FakeReplication() override { Stop(); }

  void Stop() override {
    {
      MutexLock lock(mutex_);
      if (std::exchange(stopped_, true)) {
        return;
      }
    }
    owner_->End(id_);
  }

  TaskStatus GetStatus() const override {
    MutexLock lock(owner_->mutex_);
    const auto found = owner_->task_status_.find(id_);
    TaskStatus status = found == owner_->task_status_.end() ? TaskStatus() : found->second;
    status.catalog = owner_->catalog_progress_;
    return status;
  }

  TaskStatus GetNews() const override { return GetStatus(); }

  TaskChanges Changes() const override {
    MutexLock lock(owner_->mutex_);
    const auto found = owner_->wanted_changes_.find(id_);
    return found == owner_->wanted_changes_.end() ? TaskChanges() : found->second;
  }

 private:
  FakeReplicator* const owner_;
  const std::string id_;
  Mutex mutex_;
  bool stopped_ CDC_GUARDED_BY(mutex_) = false;
};

void FakeReplicator::WaitWhile(const bool& corked) {
  MutexLock lock(mutex_);
  ++hanging_;
  changed_.Wait(lock, std::stop_token(), [&corked] { return !corked; });
  --hanging_;
}

Result<TargetInfo> FakeReplicator::CheckTarget(const MilvusConnectParam&) {
  WaitWhile(checks_corked_);
  MutexLock lock(mutex_);
  CDC_RETURN_IF_ERROR(check_status_);
  return TargetInfo{.version = "2.3.5",
                    .is_standby = is_standby_,
                    .identity = identity_,
                    .access_refusal = access_refusal_};
}

Status FakeReplicator::CheckHasOwn(const TaskSpec&) {
  MutexLock lock(mutex_);
  return has_own_;
}

Result<SourcePresent> FakeReplicator::Present() {
  MutexLock lock(mutex_);
  ++asked_for_present_;
  return present_;
}

Result<CollectionId> FakeReplicator::FindCollection(const TaskSpec& spec,
                                                    const CollectionName& name) {
  MutexLock lock(mutex_);
  const auto found = collections_.find(name);
  if (found == collections_.end()) {
    return NotFoundError("task " + spec.id + " has no collection " + name.ToString());
  }
  return found->second;
}

Status FakeReplicator::Change(const TaskSpec& spec, const TaskChanges& changes) {
  MutexLock lock(mutex_);
  CDC_RETURN_IF_ERROR(change_status_);
  changes_[spec.id].push_back(changes);
  return OkStatus();
}

void FakeReplicator::SetCollections(std::map<CollectionName, CollectionId> collections) {
  MutexLock lock(mutex_);
  collections_ = std::move(collections);
}

void FakeReplicator::SetChangeStatus(Status status) {
  MutexLock lock(mutex_);
  change_status_ = std::move(status);
}

std::vector<TaskChanges> FakeReplicator::changes(const std::string& task_id) const {
  MutexLock lock(mutex_);
  const auto found = changes_.find(task_id);
  return found == changes_.end() ? std::vector<TaskChanges>() : found->second;
}

void FakeReplicator::SetPresent(Result<SourcePresent> present) {
  MutexLock lock(mutex_);
  present_ = std::move(present);
}

int FakeReplicator::asked_for_present() const {
  MutexLock lock(mutex_);
  return asked_for_present_;
}

void FakeReplicator::SetCatalogProgress(CatalogProgress progress) {
  MutexLock lock(mutex_);
  catalog_progress_ = std::move(progress);
}

Status FakeReplicator::Prepare(const TaskSpec& spec, const TargetInfo&) {
  WaitWhile(preparations_corked_);
  MutexLock lock(mutex_);
  prepared_.push_back(spec.id);
  return prepare_status_;
}

PlanItems FakeReplicator::Plan(const TaskSpec&, const TargetInfo*) {
  MutexLock lock(mutex_);
  PlanItems items = plan_;
  if (!prepare_status_.ok()) {
    items.push_back(RefusedItem("source", "", prepare_status_, ""));
  }
  return items;
}

void FakeReplicator::SetStore(MetaStore* store) {
  MutexLock lock(mutex_);
  store_ = store;
}

void FakeReplicator::SetNotes(std::vector<ScopeNote> notes) {
  MutexLock lock(mutex_);
  notes_ = std::move(notes);
}

void FakeReplicator::SetPlan(PlanItems items) {
  MutexLock lock(mutex_);
  plan_ = std::move(items);
}

Result<std::vector<ScopeNote>> FakeReplicator::Rescope(const TaskSpec& /*before*/,
                                                       const TaskRecord& task,
                                                       const TargetInfo& /*target*/) {
  MetaStore* store = nullptr;
  std::vector<ScopeNote> notes;
  {
    MutexLock lock(mutex_);
    CDC_RETURN_IF_ERROR(prepare_status_);
    store = store_;
    notes = notes_;
  }
  // Without the lock: a test looks at the task meanwhile.
  CDC_ASSIGN_OR_RETURN(const MetaStore::Progress progress, store->LoadProgress(task.spec.id));
  CDC_RETURN_IF_ERROR(store->ReplaceTask(task, progress));
  return notes;
}

Result<std::vector<ScopeNote>> FakeReplicator::Reposition(
    const TaskSpec& spec, const std::map<CollectionName, GivenPositions>& places, bool force) {
  MutexLock lock(mutex_);
  CDC_RETURN_IF_ERROR(change_status_);
  if (!force) {
    return FailedPreconditionError("needs force");
  }
  last_repositioned_ = spec;
  last_places_ = places;
  return notes_;
}

TaskSpec FakeReplicator::last_repositioned() const {
  MutexLock lock(mutex_);
  return last_repositioned_;
}

std::map<CollectionName, GivenPositions> FakeReplicator::last_places() const {
  MutexLock lock(mutex_);
  return last_places_;
}

Result<std::unique_ptr<Replication>> FakeReplicator::Start(const TaskSpec& spec,
                                                           OnFailed on_failed) {
  WaitWhile(starts_corked_);
  MutexLock lock(mutex_);
  ++starts_[spec.id];
  specs_[spec.id] = spec;
  for (const std::string& id : {spec.id, std::string()}) {
    const auto found = start_status_.find(id);
    if (found != start_status_.end()) {
      if (found->second.ok()) {
        break;
      }
      return found->second;
    }
  }
  CDC_CHECK(!running_.contains(spec.id));  // two replications of one task would double its rows
  running_[spec.id] = std::move(on_failed);
  return std::unique_ptr<Replication>(std::make_unique<FakeReplication>(this, spec.id));
}

void FakeReplicator::End(const std::string& task_id) {
  MutexLock lock(mutex_);
  running_.erase(task_id);
}

void FakeReplicator::SetCheckStatus(Status status) {
  MutexLock lock(mutex_);
  check_status_ = std::move(status);
}

void FakeReplicator::SetIdentity(std::string identity) {
  MutexLock lock(mutex_);
  identity_ = std::move(identity);
}

void FakeReplicator::SetStandby(bool is_standby) {
  MutexLock lock(mutex_);
  is_standby_ = is_standby;
}

void FakeReplicator::SetHasOwn(Status status) {
  MutexLock lock(mutex_);
  has_own_ = std::move(status);
}

void FakeReplicator::SetAccessRefusal(std::string reason) {
  MutexLock lock(mutex_);
  access_refusal_ = std::move(reason);
}

void FakeReplicator::SetPrepareStatus(Status status) {
  MutexLock lock(mutex_);
  prepare_status_ = std::move(status);
}

void FakeReplicator::SetStartStatus(const std::string& task_id, Status status) {
  MutexLock lock(mutex_);
  start_status_[task_id] = std::move(status);
}

void FakeReplicator::CorkChecks() {
  MutexLock lock(mutex_);
  checks_corked_ = true;
}

void FakeReplicator::UncorkChecks() {
  MutexLock lock(mutex_);
  checks_corked_ = false;
  changed_.NotifyAll();
}

void FakeReplicator::CorkPreparations() {
  MutexLock lock(mutex_);
  preparations_corked_ = true;
}

void FakeReplicator::UncorkPreparations() {
  MutexLock lock(mutex_);
  preparations_corked_ = false;
  changed_.NotifyAll();
}

void FakeReplicator::CorkStarts() {
  MutexLock lock(mutex_);
  starts_corked_ = true;
}

void FakeReplicator::UncorkStarts() {
  MutexLock lock(mutex_);
  starts_corked_ = false;
  changed_.NotifyAll();
}

int FakeReplicator::hanging() const {
  MutexLock lock(mutex_);
  return hanging_;
}

void FakeReplicator::SetTaskStatus(const std::string& task_id, TaskStatus status) {
  MutexLock lock(mutex_);
  task_status_[task_id] = std::move(status);
}

void FakeReplicator::FailTask(const std::string& task_id,
                              const std::string& reason,
                              const TaskChanges& changes) {
  OnFailed on_failed;
  {
    MutexLock lock(mutex_);
    wanted_changes_[task_id] = changes;
    on_failed = running_.at(task_id);
  }
  on_failed(reason);
}

bool FakeReplicator::running(const std::string& task_id) const {
  MutexLock lock(mutex_);
  return running_.contains(task_id);
}

std::vector<std::string> FakeReplicator::running() const {
  MutexLock lock(mutex_);
  std::vector<std::string> ids;
  for (const auto& [id, on_failed] : running_) {
    ids.push_back(id);
  }
  return ids;
}

int FakeReplicator::starts(const std::string& task_id) const {
  MutexLock lock(mutex_);
  const auto found = starts_.find(task_id);
  return found == starts_.end() ? 0 : found->second;
}

std::vector<std::string> FakeReplicator::prepared() const {
  MutexLock lock(mutex_);
  return prepared_;
}

TaskSpec FakeReplicator::last_started(const std::string& task_id) const {
  MutexLock lock(mutex_);
  const auto found = specs_.find(task_id);
  return found == specs_.end() ? TaskSpec() : found->second;
}

}  // namespace cdc
