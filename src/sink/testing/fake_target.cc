#include "sink/testing/fake_target.h"

#include <algorithm>
#include <utility>

namespace cdc {
FakeTarget::FakeTarget() { model_.databases()[kDefaultDatabase]; }

void FakeTarget::Cork() {
  MutexLock lock(mutex_);
  corked_ = true;
}

void FakeTarget::Uncork() {
  {
    MutexLock lock(mutex_);
    corked_ = false;
  }
  Uncork(SIZE_MAX);
}

void FakeTarget::Uncork(size_t count) {
  for (; count > 0; --count) {
    PendingWrite write;
    {
      MutexLock lock(mutex_);
      if (pending_.empty()) {
        return;
      }
      write = std::move(pending_.front());
      pending_.pop_front();
    }
    End(std::move(write));
  }
}

size_t FakeTarget::corked() const {
  MutexLock lock(mutex_);
  return pending_.size();
}

void FakeTarget::FailNextWrite(Status status, bool in_doubt) {
  MutexLock lock(mutex_);
  write_failures_.push_back({std::move(status), in_doubt});
}

void FakeTarget::FailNextDdl(Status status) {
  MutexLock lock(mutex_);
  ddl_failures_.push_back(std::move(status));
}

void FakeTarget::FailConnect(Status status) {
  MutexLock lock(mutex_);
  connect_status_ = std::move(status);
}

void FakeTarget::SetPulse(Result<std::string> identity) {
  MutexLock lock(mutex_);
  pulse_ = std::move(identity);
}

void FakeTarget::CorkPulse() {
  MutexLock lock(mutex_);
  pulse_corked_ = true;
}

void FakeTarget::UncorkPulse() {
  {
    MutexLock lock(mutex_);
    pulse_corked_ = false;
  }
  EndPulses(std::nullopt);
}

size_t FakeTarget::pulses() const {
  MutexLock lock(mutex_);
  return pulses_;
}

void FakeTarget::AskPulse(std::chrono::milliseconds, PulseDone done) {
  Result<std::string> answer = std::string();
  {
    MutexLock lock(mutex_);
    ++pulses_;
    if (pulse_corked_) {
      pulse_waits_.push_back(std::move(done));
      return;
    }
    answer = pulse_;
  }
  done(answer);
}

void FakeTarget::EndPulses(const std::optional<Status>& failure) {
  std::vector<PulseDone> waits;
  Result<std::string> answer = std::string();
  {
    MutexLock lock(mutex_);
    waits.swap(pulse_waits_);
    answer = failure.has_value() ? Result<std::string>(*failure) : pulse_;
  }
  for (const PulseDone& done : waits) {
    done(answer);
  }
}

std::vector<FakeTarget::WrittenBatch> FakeTarget::batches() const {
  MutexLock lock(mutex_);
  return batches_;
}

std::vector<Ddl> FakeTarget::ddl() const {
  MutexLock lock(mutex_);
  return ddl_;
}

uint64_t FakeTarget::rows_of(RowOp op) const {
  MutexLock lock(mutex_);
  uint64_t rows = 0;
  for (const WrittenBatch& written : batches_) {
    rows += written.status.ok() && written.batch.op == op ? written.batch.rows : 0;
  }
  return rows;
}

size_t FakeTarget::missed() const {
  MutexLock lock(mutex_);
  return missed_;
}

void FakeTarget::NameDefaultPartition(std::string name) {
  MutexLock lock(mutex_);
  model_.NameDefaultPartition(std::move(name));
}

size_t FakeTarget::max_in_progress() const {
  MutexLock lock(mutex_);
  return max_in_progress_;
}

void FakeTarget::CheckNames(bool check) {
  MutexLock lock(mutex_);
  check_names_ = check;
}

void FakeTarget::SetTraits(TargetTraits traits) {
  MutexLock lock(mutex_);
  traits_ = traits;
}

Result<MetadataSink::Connected> FakeTarget::Connect(std::chrono::milliseconds,
                                                    const std::stop_token&) {
  MutexLock lock(mutex_);
  CDC_RETURN_IF_ERROR(connect_status_);
  CDC_ASSIGN_OR_RETURN(std::string identity, pulse_);
  return Connected{.version = "fake", .identity = std::move(identity), .traits = traits_};
}

void FakeTarget::OnDescribe(std::function<Status(const CollectionName&)> hook) {
  MutexLock lock(mutex_);
  on_describe_ = std::move(hook);
}

Result<std::vector<std::string>> FakeTarget::ListDatabases(const std::stop_token&) {
  MutexLock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, collections] : model_.databases()) {
    names.push_back(name);
  }
  return names;
}

Result<std::optional<TargetCollection>> FakeTarget::DescribeCollection(const CollectionName& name,
                                                                       const std::stop_token&) {
  MutexLock lock(mutex_);
  if (on_describe_) {
    CDC_RETURN_IF_ERROR(on_describe_(name));
  }
  const TargetCollection* collection = model_.Find(name);
  return collection == nullptr ? std::optional<TargetCollection>() : std::optional(*collection);
}

Status FakeTarget::Apply(const Ddl& ddl, const std::stop_token&) {
  MutexLock lock(mutex_);
  if (!ddl_failures_.empty()) {
    Status status = std::move(ddl_failures_.front());
    ddl_failures_.pop_front();
    return status;
  }
  CDC_RETURN_IF_ERROR(model_.Apply(ddl));
  ddl_.push_back(ddl);
  return OkStatus();
}

void FakeTarget::Write(const RowBatch& batch, WriteDone done) {
  PendingWrite write{batch, std::move(done)};
  {
    MutexLock lock(mutex_);
    max_in_progress_ = std::max(max_in_progress_, pending_.size() + 1);
    // After the writes that wait, even if they are being uncorked right now.
    if (corked_ || !pending_.empty()) {
      pending_.push_back(std::move(write));
      return;
    }
  }
  End(std::move(write));
}

void FakeTarget::CancelWrites() {
  std::deque<PendingWrite> cancelled;
  {
    MutexLock lock(mutex_);
    cancelled.swap(pending_);
  }
  for (PendingWrite& write : cancelled) {
    write.done({CancelledError("cancelled"), /*in_doubt=*/true});
  }
  EndPulses(CancelledError("cancelled"));
}

WriteResult FakeTarget::Execute(const RowBatch& batch) {
  MutexLock lock(mutex_);
  Failure failure;
  if (!write_failures_.empty()) {
    failure = std::move(write_failures_.front());
    write_failures_.pop_front();
  } else if (check_names_) {
    const TargetCollection* collection = model_.Find(batch.target);
    if (collection == nullptr) {
      failure.status = NotFoundError("not found: " + batch.target.ToString());
    } else if (!batch.partition.empty() &&
               !TargetModel::HasPartition(*collection, batch.partition)) {
      failure.status = NotFoundError("not found: " + batch.partition);
    }
    missed_ += failure.status.ok() ? 0U : 1U;
  }
  if (failure.status.ok() || failure.in_doubt) {
    batches_.push_back({batch, failure.status});
  }
  return {failure.status, failure.in_doubt};
}

void FakeTarget::End(PendingWrite write) {
  const WriteResult result = Execute(write.batch);
  write.done(result);
}

}  // namespace cdc
