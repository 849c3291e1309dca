#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "sink/target.h"

namespace cdc {

// Lends targets to a pipeline that wants to own them, for tests. The targets must outlive it.
class FakeTargetFactory final : public TargetFactory {
 public:
  using Choose = std::function<Result<Target*>(const TargetOptions& options)>;

  explicit FakeTargetFactory(Target* target)
      : FakeTargetFactory([target](const TargetOptions&) { return Result<Target*>(target); }) {}
  // `choose` selects the target by the requested options.
  explicit FakeTargetFactory(Choose choose) : choose_(std::move(choose)) {}

  Result<TargetInfo> Check(const TargetOptions& options,
                           std::chrono::milliseconds timeout) override {
    CDC_ASSIGN_OR_RETURN(Target* const target, choose_(options));
    CDC_ASSIGN_OR_RETURN(const MetadataSink::Connected connected,
                         target->metadata().Connect(timeout, {}));
    return TargetInfo{.version = connected.version, .deletes_by = connected.traits.deletes_by};
  }

  Result<std::unique_ptr<Target>> New(const TargetOptions& options) override {
    CDC_ASSIGN_OR_RETURN(Target* const target, choose_(options));
    return std::unique_ptr<Target>(std::make_unique<Lent>(target));
  }

 private:
  class Lent final : public Target {
   public:
    explicit Lent(Target* target) : target_(target) {}
    RowSink& rows() override { return target_->rows(); }
    MetadataSink& metadata() override { return target_->metadata(); }
    KeyReader* keys() override { return target_->keys(); }
    AccessSink* access() override { return target_->access(); }
    std::vector<TargetTick> SentTicks() const override { return target_->SentTicks(); }
    std::vector<TargetRows> LastRows() const override { return target_->LastRows(); }
    void AskPulse(std::chrono::milliseconds timeout, PulseDone done) override {
      target_->AskPulse(timeout, std::move(done));
    }

   private:
    Target* const target_;
  };

  const Choose choose_;
};

}  // namespace cdc
