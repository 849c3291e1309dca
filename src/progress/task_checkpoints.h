#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "model/task_progress.h"
#include "progress/checkpoint_saver.h"
#include "progress/checkpoint_source.h"
#include "progress/condition_board.h"
#include "progress/send_horizon.h"

namespace cdc {

// What of a running task is saved, and when: its checkpoints together with its send horizons, at
// each turn of the saver in which there is something to tell.
//
// The calls of Checkpointed come from the saver's thread; Last when the saver is done with it.
class TaskCheckpoints final : public Checkpointed {
 public:
  struct Parts {
    std::string task_id;
    const CheckpointSource* source;
    SendHorizon* horizon;
    ConditionBoard* conditions;
    std::function<void()> on_horizon;  // rows that waited for a horizon may go
    const Clock* clock = &Clock::Real();
  };

  // All parts must outlive this.
  explicit TaskCheckpoints(Parts parts) : parts_(std::move(parts)) {}

  std::vector<ChannelCheckpoint> CollectCheckpoints() override;
  void OnSaved(const Status& status) override;

  // What a stop leaves: no horizon, as nothing is under way any more, unless `doubt_left`, a call
  // with an unknown outcome, or unless a doubt from before the start is not yet passed.
  std::vector<ChannelCheckpoint> Last(bool doubt_left) const;

 private:
  const Parts parts_;
  uint64_t saved_acknowledged_ = 0;
  bool saving_failed_ = false;
  Clock::TimePoint save_again_;
};

}  // namespace cdc
