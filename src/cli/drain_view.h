#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/status.h"

namespace cdc::cli {

// Where the source was when the drain began, as the server was told by it.
struct DrainGoal {
  uint64_t ts = 0;  // hybrid: nothing that the source had acknowledged then is above it
  int64_t catalog_revision = 0;

  int64_t UnixMs() const { return static_cast<int64_t>(ts >> 18); }
};

// What a drain has to know of a task at one look.
struct DrainView {
  struct Channel {
    std::string name;
    uint64_t resolved = 0;    // read up to
    uint64_t checkpoint = 0;  // on the target up to; of a paused task as it is stored
    std::string position;
    std::optional<int64_t> tick_age_ms;
    uint64_t rows_waiting = 0;
    uint64_t bytes_waiting = 0;
  };

  std::string state;
  std::string condition;
  bool idle = false;  // waiting, only because the task covers nothing now
  std::string reason;
  int64_t catalog_revision = 0;
  bool catalog_applied = false;
  std::vector<std::string> catalog_pending;
  std::vector<Channel> channels;
  uint64_t rows_written = 0;
  uint64_t rows_waiting = 0;
  std::optional<DrainGoal> present;  // if it was asked for
};

// Reads the `task` of `get`. What has an unexpected type counts as left out; texts are safe to
// print.
DrainView ReadDrainView(const nlohmann::ordered_json& task);

// What keeps the task from having everything up to the goal on the target, most important first, as
// sentences; empty: nothing. With `accept_waiting` that does not include what the target refuses
// beside the rows (the condition `waiting`). Nothing is missing where there is nothing to do.
std::vector<std::string> MissingFor(const DrainView& view,
                                    const DrainGoal& goal,
                                    bool accept_waiting);

// A channel that still lacks the goal and gets no more ticks though nothing waits on our side: the
// source is dead. nullptr: there is none.
const DrainView::Channel* FindStalled(const DrainView& view, const DrainGoal& goal);

// The oldest checkpoint of the channels; 0: one has none yet, or there is no channel.
uint64_t OldestCheckpoint(const DrainView& view);

// "470643311880437761 (2024-05-06 07:08:09.123Z)".
std::string FormatHybrid(uint64_t ts);

}  // namespace cdc::cli
