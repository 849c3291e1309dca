#include "control/sink_mode.h"

#include <string>
#include <utility>

namespace cdc {

Status ChooseSinkMode(const TargetInfo& info, TaskSpec* spec) {
  const SinkMode fitting = info.is_standby ? SinkMode::kReplicate : SinkMode::kApi;
  if (spec->sink_mode == SinkMode::kReplicate && !info.standby_refusal.empty()) {
    return InvalidArgumentError("sink_mode replicate: " + info.standby_refusal);
  }
  if (spec->sink_mode == SinkMode::kReplicate && !info.is_standby) {
    return InvalidArgumentError(
        "sink_mode replicate needs a standby: set common.ttMsgEnabled: false in the target's "
        "milvus.yaml and restart it, or leave sink_mode to auto");
  }
  if (spec->sink_mode == SinkMode::kApi && info.is_standby) {
    return InvalidArgumentError(
        "sink_mode api needs a target that takes inserts, and this one is a standby: remove "
        "common.ttMsgEnabled: false from its milvus.yaml and restart it, or leave sink_mode to "
        "auto");
  }
  const bool asked = std::exchange(spec->sink_mode, fitting) == fitting;
  spec->sink_mode_reason = std::string(asked ? "asked for; " : "") +
                           (info.is_standby ? "the target is a standby (common.ttMsgEnabled: false)"
                                            : "the target takes inserts (it is no standby)");
  return OkStatus();
}

}  // namespace cdc
