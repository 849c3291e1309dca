#include "pipeline/counted_target.h"

#include <utility>

#include "base/mutex.h"
#include "model/ddl.h"

namespace cdc {
namespace {

class CallCounter {
 public:
  // Counts a call that has succeeded.
  void Count(const std::string& call, const Status& status) {
    if (status.ok()) {
      MutexLock lock(mutex_);
      ++calls_[call];
    }
  }
  Status Counted(const std::string& call, Status status) {
    Count(call, status);
    return status;
  }
  std::map<std::string, uint64_t> calls() const {
    MutexLock lock(mutex_);
    return calls_;
  }

 private:
  mutable Mutex mutex_;
  std::map<std::string, uint64_t> calls_ CDC_GUARDED_BY(mutex_);
};

const char* NameOf(RowOp op) {
  switch (op) {
    case RowOp::kInsert: return "Insert";
    case RowOp::kUpsert: return "Upsert";
    case RowOp::kDelete: break;
  }
  return "Delete";
}

const char* NameOf(const AccessChange& change) {
  switch (change.item.kind) {
    case AccessItem::Kind::kRole: return change.add ? "CreateRole" : "DropRole";
    case AccessItem::Kind::kUser: return change.add ? "CreateCredential" : "DeleteCredential";
    case AccessItem::Kind::kUserRole: return "OperateUserRole";
    case AccessItem::Kind::kGrant: break;
  }
  return "OperatePrivilege";
}

class CountedRows final : public RowSink {
 public:
  CountedRows(RowSink* rows, SinkMode mode, CallCounter* counter)
      : rows_(rows), mode_(mode), counter_(counter) {}

  void Write(const RowBatch& batch, WriteDone done) override {
    const char* name = mode_ == SinkMode::kReplicate ? "ReplicateMessage" : NameOf(batch.op);
    rows_->Write(batch, [this, name, done = std::move(done)](const WriteResult& result) {
      counter_->Count(name, result.status);
      done(result);
    });
  }
  void CancelWrites() override { rows_->CancelWrites(); }

 private:
  RowSink* const rows_;
  const SinkMode mode_;
  CallCounter* const counter_;
};

class CountedMetadata final : public MetadataSink {
 public:
  CountedMetadata(MetadataSink* metadata, CallCounter* counter)
      : metadata_(metadata), counter_(counter) {}

  Result<Connected> Connect(std::chrono::milliseconds timeout,
                            const std::stop_token& stop) override {
    return metadata_->Connect(timeout, stop);
  }
  TargetCatalog* catalog() override { return metadata_->catalog(); }
  Status Apply(const Ddl& ddl, const std::stop_token& stop) override {
    return counter_->Counted(KindName(ddl), metadata_->Apply(ddl, stop));
  }

 private:
  MetadataSink* const metadata_;
  CallCounter* const counter_;
};

class CountedAccess final : public AccessSink {
 public:
  CountedAccess(AccessSink* access, CallCounter* counter) : access_(access), counter_(counter) {}

  Result<AccessSet> ListUsersAndRoles(const std::stop_token& stop) override {
    return access_->ListUsersAndRoles(stop);
  }
  Result<AccessSet> ListGrants(const std::string& role,
                               const std::string& database,
                               const std::stop_token& stop) override {
    return access_->ListGrants(role, database, stop);
  }
  Status Apply(const AccessChange& change, const std::stop_token& stop) override {
    return counter_->Counted(NameOf(change), access_->Apply(change, stop));
  }
  Status CreateUser(const std::string& user,
                    const std::string& password,
                    const std::stop_token& stop) override {
    return counter_->Counted("CreateCredential", access_->CreateUser(user, password, stop));
  }
  Result<bool> ChangePassword(const std::string& user,
                              const std::string& old_password,
                              const std::string& new_password,
                              const std::stop_token& stop) override {
    Result<bool> changed = access_->ChangePassword(user, old_password, new_password, stop);
    if (changed.ok() && *changed) {
      counter_->Count("UpdateCredential", OkStatus());
    }
    return changed;
  }

 private:
  AccessSink* const access_;
  CallCounter* const counter_;
};

class CountedTargetImpl final : public CountedTarget {
 public:
  CountedTargetImpl(std::unique_ptr<Target> target, SinkMode mode)
      : rows_(&target->rows(), mode, &counter_),
        metadata_(&target->metadata(), &counter_),
        access_(target->access(), &counter_),
        target_(std::move(target)) {}

  RowSink& rows() override { return rows_; }
  MetadataSink& metadata() override { return metadata_; }
  KeyReader* keys() override { return target_->keys(); }
  AccessSink* access() override { return target_->access() == nullptr ? nullptr : &access_; }
  std::vector<TargetTick> SentTicks() const override { return target_->SentTicks(); }
  std::vector<TargetRows> LastRows() const override { return target_->LastRows(); }
  void AskPulse(std::chrono::milliseconds timeout, PulseDone done) override {
    target_->AskPulse(timeout, std::move(done));
  }
  std::map<std::string, uint64_t> Calls() const override { return counter_.calls(); }

 private:
  CallCounter counter_;
  CountedRows rows_;
  CountedMetadata metadata_;
  CountedAccess access_;
  // Declared last: its destructor waits for the calls that are counted.
  const std::unique_ptr<Target> target_;
};

}  // namespace

std::unique_ptr<CountedTarget> NewCountedTarget(std::unique_ptr<Target> target, SinkMode mode) {
  return std::make_unique<CountedTargetImpl>(std::move(target), mode);
}

}  // namespace cdc
