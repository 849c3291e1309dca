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
#include "progress/keys_to_save.h"
#include "progress/send_horizon.h"

namespace cdc {

// Decides what a running task saves and when: its checkpoints together with its send horizons, in
// each round of the saver in which they are worth saving.
//
// The saver's thread calls the methods of Checkpointed. Call FinalCheckpoints only after
// CheckpointSaver::Remove.
class TaskCheckpoints final : public Checkpointed {
 public:
  struct Parts {
    std::string task_id;
    const CheckpointSource* source;
    SendHorizon* horizon;
    ConditionBoard* conditions;
    KeysToSave* keys = nullptr;        // nullptr: none
    std::function<void()> on_horizon;  // called when rows that waited for a horizon may go
    const Clock* clock = &Clock::Real();
  };

  // All parts must outlive this.
  explicit TaskCheckpoints(Parts parts) : parts_(std::move(parts)) {}

  std::vector<ChannelCheckpoint> CollectCheckpoints() override;
  void OnSaved(const Status& status) override;

  // The checkpoints to save at a stop. They have no horizon because no call is in flight any more,
  // with two exceptions: a call ended with an unknown outcome (`doubt_left`), or the checkpoint has
  // not passed a doubt from before the start.
  std::vector<ChannelCheckpoint> FinalCheckpoints(bool doubt_left) const;

 private:
  void AddKeys(std::vector<ChannelCheckpoint>* checkpoints) const;

  const Parts parts_;
  uint64_t saved_acknowledged_ = 0;
  bool saving_failed_ = false;
  Clock::TimePoint save_again_;
};

}  // namespace cdc
