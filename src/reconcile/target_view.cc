#include "reconcile/target_view.h"

#include <chrono>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/fault_point.h"
#include "model/ids.h"
#include "reconcile/target_identity.h"
#include "sink/wait_for_pulse.h"

namespace cdc {
namespace {

constexpr std::chrono::milliseconds kConnectTimeout{5'000};

}  // namespace

TargetView::TargetView(Target* target, Options options)
    : target_(target), options_(std::move(options)) {}

Status TargetView::CheckNotStopped() const {
  return stop_.stop_requested() ? CancelledError("the task stops") : OkStatus();
}

Status TargetView::Connect() {
  CDC_ASSIGN_OR_RETURN(const std::string version, target_->Connect(kConnectTimeout));
  CDC_ASSIGN_OR_RETURN(const std::string identity, WaitForPulse(*target_, kConnectTimeout));
  CDC_RETURN_IF_ERROR(CheckTargetIdentity(options_.made_for, identity));
  options_.on_connected(version);
  return OkStatus();
}

Result<std::vector<std::string>> TargetView::ListDatabases() {
  auto listed = target_->ListDatabases();
  if (listed.status().code() == StatusCode::kUnimplemented) {
    return std::vector<std::string>{kDefaultDatabase};
  }
  return listed;
}

Result<std::optional<TargetCollection>> TargetView::DescribeCollection(const CollectionName& name) {
  CDC_RETURN_IF_ERROR(CheckNotStopped());
  return target_->DescribeCollection(name);
}

Status TargetView::Apply(const Ddl& ddl) {
  CDC_RETURN_IF_ERROR(CheckNotStopped());
  FaultPoint("before_ddl." + KindName(ddl));
  CDC_RETURN_IF_ERROR(target_->Apply(ddl).WithContext(Describe(ddl)));
  FaultPoint("after_ddl." + KindName(ddl));
  spdlog::info("task={} {}", options_.task_id, Describe(ddl));
  return OkStatus();
}

}  // namespace cdc
