#include "reconcile/target_view.h"

#include <chrono>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/fault_point.h"
#include "model/ids.h"
#include "reconcile/target_identity.h"

namespace cdc {
namespace {

constexpr std::chrono::milliseconds kConnectTimeout{5'000};

}  // namespace

TargetView::TargetView(MetadataSink* target, Options options)
    : target_(target), options_(std::move(options)) {}

Status TargetView::CheckNotStopped() const {
  return stop_.stop_requested() ? CancelledError("the task stops") : OkStatus();
}

Status TargetView::Connect() {
  if (target_->catalog() == nullptr) {
    return Status(StatusCode::kUnimplemented,
                  "the target is a stream without a catalog that could be compared");
  }
  CDC_RETURN_IF_ERROR(CheckNotStopped());
  CDC_ASSIGN_OR_RETURN(const MetadataSink::Connected connected,
                       target_->Connect(kConnectTimeout, stop_));
  // Before anything is created there.
  CDC_RETURN_IF_ERROR(CheckTargetIdentity(options_.expected_identity, connected.identity));
  traits_ = connected.traits;
  options_.on_connected(connected.version);
  return OkStatus();
}

Result<std::vector<std::string>> TargetView::ListDatabases() {
  CDC_RETURN_IF_ERROR(CheckNotStopped());
  auto listed = target_->catalog()->ListDatabases(stop_);
  if (listed.status().code() == StatusCode::kUnimplemented) {
    return std::vector<std::string>{kDefaultDatabase};
  }
  return listed;
}

Result<std::optional<TargetCollection>> TargetView::DescribeCollection(const CollectionName& name) {
  CDC_RETURN_IF_ERROR(CheckNotStopped());
  return target_->catalog()->DescribeCollection(name, stop_);
}

Status TargetView::Apply(const Ddl& ddl) {
  CDC_RETURN_IF_ERROR(CheckNotStopped());
  // Chaos tests kill the process right before and right after a change.
  FaultPoint("before_ddl." + KindName(ddl));
  CDC_RETURN_IF_ERROR(target_->Apply(ddl, stop_).WithContext(Describe(ddl)));
  FaultPoint("after_ddl." + KindName(ddl));
  spdlog::info("task={} {}", options_.log_name, Describe(ddl));
  return OkStatus();
}

}  // namespace cdc
