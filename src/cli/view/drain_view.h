#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/status.h"

namespace cdc::cli {

// Where the source was when the drain began, according to the server.
struct DrainGoal {
  uint64_t ts = 0;  // hybrid; everything the source had acknowledged is at or below it
  int64_t catalog_revision = 0;

  int64_t UnixMs() const { return static_cast<int64_t>(ts >> 18); }
};

// A task's status as far as a drain needs it.
struct DrainView {
  struct Channel {
    std::string name;
    uint64_t resolved = 0;    // read up to
    uint64_t checkpoint = 0;  // on the target up to; if paused, as stored
    std::string position;
    std::optional<int64_t> tick_age_ms;
    uint64_t rows_waiting = 0;
    uint64_t bytes_waiting = 0;
  };

  std::string state;
  std::string condition;
  bool idle = false;  // waiting only because the task currently covers nothing
  std::string reason;
  int64_t catalog_revision = 0;
  bool catalog_applied = false;
  std::vector<std::string> catalog_pending;
  std::vector<Channel> channels;
  uint64_t rows_written = 0;
  uint64_t rows_waiting = 0;
  std::optional<DrainGoal> present;  // if requested
};

// Reads the `task` of a `get`. Members of an unexpected type count as missing; strings are safe to
// print.
DrainView ReadDrainView(const nlohmann::ordered_json& task);

// What the target still lacks to have everything up to the goal, as sentences, most important
// first; empty: nothing. `accept_waiting` ignores what the target refuses apart from the rows (the
// condition `waiting`). A task with nothing to do lacks nothing.
std::vector<std::string> MissingFor(const DrainView& view,
                                    const DrainGoal& goal,
                                    bool accept_waiting);

// A channel that has not reached the goal and gets no more ticks although nothing waits on our
// side: the source is dead. nullptr if there is none.
const DrainView::Channel* FindStalled(const DrainView& view, const DrainGoal& goal);

// The oldest checkpoint of all channels; 0 if one has none yet, or without channels.
uint64_t OldestCheckpoint(const DrainView& view);

// "470643311880437761 (2024-05-06 07:08:09.123Z)".
std::string FormatHybrid(uint64_t ts);

}  // namespace cdc::cli
