#include "sink/guarded_target.h"

#include <string>
#include <utility>

namespace cdc {
namespace {

using MayWrite = std::function<Status()>;

Status Ask(const MayWrite& may_write) {
  const Status allowed = may_write();
  return allowed.ok() ? allowed : UnavailableError(allowed.message());
}

class GuardedRows final : public RowSink {
 public:
  GuardedRows(RowSink* rows, const MayWrite* may_write) : rows_(rows), may_write_(may_write) {}

  void Write(const RowBatch& batch, WriteDone done) override {
    Status allowed = Ask(*may_write_);
    if (!allowed.ok()) {
      done({.status = std::move(allowed)});
      return;
    }
    rows_->Write(batch, std::move(done));
  }
  void CancelWrites() override { rows_->CancelWrites(); }

 private:
  RowSink* const rows_;
  const MayWrite* const may_write_;
};

class GuardedMetadata final : public MetadataSink {
 public:
  GuardedMetadata(MetadataSink* metadata, const MayWrite* may_write)
      : metadata_(metadata), may_write_(may_write) {}

  Result<Connected> Connect(std::chrono::milliseconds timeout,
                            const std::stop_token& stop) override {
    return metadata_->Connect(timeout, stop);
  }
  TargetCatalog* catalog() override { return metadata_->catalog(); }
  Status Apply(const Ddl& ddl, const std::stop_token& stop) override {
    CDC_RETURN_IF_ERROR(Ask(*may_write_));
    return metadata_->Apply(ddl, stop);
  }

 private:
  MetadataSink* const metadata_;
  const MayWrite* const may_write_;
};

class GuardedAccess final : public AccessSink {
 public:
  GuardedAccess(AccessSink* access, const MayWrite* may_write)
      : access_(access), may_write_(may_write) {}

  Result<AccessSet> ListUsersAndRoles(const std::stop_token& stop) override {
    return access_->ListUsersAndRoles(stop);
  }
  Result<AccessSet> ListGrants(const std::string& role,
                               const std::string& database,
                               const std::stop_token& stop) override {
    return access_->ListGrants(role, database, stop);
  }
  Status Apply(const AccessChange& change, const std::stop_token& stop) override {
    CDC_RETURN_IF_ERROR(Ask(*may_write_));
    return access_->Apply(change, stop);
  }
  Status CreateUser(const std::string& user,
                    const std::string& password,
                    const std::stop_token& stop) override {
    CDC_RETURN_IF_ERROR(Ask(*may_write_));
    return access_->CreateUser(user, password, stop);
  }
  Result<bool> ChangePassword(const std::string& user,
                              const std::string& old_password,
                              const std::string& new_password,
                              const std::stop_token& stop) override {
    CDC_RETURN_IF_ERROR(Ask(*may_write_));
    return access_->ChangePassword(user, old_password, new_password, stop);
  }

 private:
  AccessSink* const access_;
  const MayWrite* const may_write_;
};

class GuardedTarget final : public Target {
 public:
  GuardedTarget(std::unique_ptr<Target> target, MayWrite may_write)
      : target_(std::move(target)),
        may_write_(std::move(may_write)),
        rows_(&target_->rows(), &may_write_),
        metadata_(&target_->metadata(), &may_write_),
        access_(target_->access(), &may_write_) {}

  RowSink& rows() override { return rows_; }
  MetadataSink& metadata() override { return metadata_; }
  KeyReader* keys() override { return target_->keys(); }
  AccessSink* access() override { return target_->access() == nullptr ? nullptr : &access_; }
  std::vector<TargetTick> SentTicks() const override { return target_->SentTicks(); }
  std::vector<TargetRows> LastRows() const override { return target_->LastRows(); }
  void AskPulse(std::chrono::milliseconds timeout, PulseDone done) override {
    target_->AskPulse(timeout, std::move(done));
  }

 private:
  const std::unique_ptr<Target> target_;
  const MayWrite may_write_;
  GuardedRows rows_;
  GuardedMetadata metadata_;
  GuardedAccess access_;
};

}  // namespace

std::unique_ptr<Target> NewGuardedTarget(std::unique_ptr<Target> target,
                                         std::function<Status()> may_write) {
  return std::make_unique<GuardedTarget>(std::move(target), std::move(may_write));
}

}  // namespace cdc
