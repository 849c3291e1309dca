#include "cli/view/drain_view.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "cli/view/format.h"
#include "cli/view/json_reading.h"

namespace cdc::cli {
namespace {

using Json = nlohmann::ordered_json;

// A running source gives a tick about every 200 ms.
constexpr int64_t kStalledMs = 15'000;

uint64_t Amount(const Json& json, const char* key) {
  const Json& value = Member(json, key);
  const bool usable =
      value.is_number_unsigned() || (value.is_number_integer() && value.get<int64_t>() >= 0);
  return usable ? value.get<uint64_t>() : 0;
}

bool Flag(const Json& json, const char* key) {
  const Json& value = Member(json, key);
  return value.is_boolean() && value.get<bool>();
}

const Json& List(const Json& json, const char* key) {
  static const Json kNone = Json::array();
  const Json& value = Member(json, key);
  return value.is_array() ? value : kNone;
}

std::vector<DrainView::Channel> ReadDrainChannels(const Json& task) {
  std::vector<DrainView::Channel> channels;
  for (const Json& json : List(task, "channels")) {
    DrainView::Channel channel;
    channel.name = Text(json, "channel");
    channel.resolved = Amount(json, "resolved_ts");
    channel.rows_waiting = Amount(json, "rows_waiting");
    channel.bytes_waiting = Amount(json, "bytes_waiting");
    if (Member(json, "tick_age_ms").is_number()) {
      channel.tick_age_ms = static_cast<int64_t>(Amount(json, "tick_age_ms"));
    }
    for (const Json& checkpoint : List(task, "checkpoint")) {
      if (Text(checkpoint, "channel") == channel.name) {
        channel.checkpoint = Amount(checkpoint, "ts");
        channel.position = Text(checkpoint, "msg_id");
      }
    }
    channels.push_back(std::move(channel));
  }
  return channels;
}

std::string FormatReached(uint64_t ts) {
  return ts == 0 ? "nothing yet" : FormatTime(static_cast<int64_t>(ts >> 18));
}

void AppendCatalog(const DrainView& view,
                   const DrainGoal& goal,
                   std::vector<std::string>* missing) {
  if (view.catalog_revision < goal.catalog_revision) {
    missing->push_back("the source's catalog is read up to revision " +
                       std::to_string(view.catalog_revision) + ", it was at " +
                       std::to_string(goal.catalog_revision));
  } else if (!view.catalog_applied) {
    std::string names;
    for (const std::string& name : view.catalog_pending) {
      names += (names.empty() ? ": " : ", ") + name;
    }
    missing->push_back("changes of the source's catalog are under way" + names);
  }
}

}  // namespace

DrainView ReadDrainView(const Json& task) {
  DrainView view;
  view.state = Text(task, "state");
  view.condition = Text(Member(task, "condition"), "state");
  view.idle = Flag(Member(task, "condition"), "idle");
  view.reason = Text(Member(task, "condition"), "reason");
  const Json& catalog = Member(task, "catalog");
  view.catalog_revision = static_cast<int64_t>(Amount(catalog, "revision"));
  view.catalog_applied = Flag(catalog, "applied");
  view.catalog_pending = Texts(catalog, "pending");
  view.channels = ReadDrainChannels(task);
  const Json& rows = Member(task, "rows");
  view.rows_written = Amount(rows, "inserted") + Amount(rows, "upserted") + Amount(rows, "deleted");
  view.rows_waiting = Amount(task, "rows_waiting");
  const Json& present = Member(task, "present");
  if (present.is_object()) {
    view.present =
        DrainGoal{.ts = Amount(present, "ts"),
                  .catalog_revision = static_cast<int64_t>(Amount(present, "catalog_revision"))};
    // A source's clock never goes back, so this should change nothing; but ticks seen are certain.
    for (const DrainView::Channel& channel : view.channels) {
      view.present->ts = std::max(view.present->ts, channel.resolved);
    }
  }
  return view;
}

std::vector<std::string> MissingFor(const DrainView& view,
                                    const DrainGoal& goal,
                                    bool accept_waiting) {
  std::vector<std::string> missing;
  const bool left_so = view.condition == "waiting" && (view.idle || accept_waiting);
  if (view.condition != "ok" && !left_so) {
    missing.push_back("the task is " + view.condition + (view.reason.empty() ? "" : ": ") +
                      view.reason);
  }
  AppendCatalog(view, goal, &missing);
  const std::string wanted = FormatTime(goal.UnixMs());
  for (const DrainView::Channel& channel : view.channels) {
    if (channel.resolved < goal.ts) {
      missing.push_back("channel " + channel.name + " is read up to " +
                        FormatReached(channel.resolved) + ", not to " + wanted);
    } else if (channel.checkpoint < goal.ts) {
      missing.push_back("channel " + channel.name + " is on the target up to " +
                        FormatReached(channel.checkpoint) + ", not to " + wanted + "; " +
                        FormatCount(channel.rows_waiting) + " rows wait");
    }
  }
  return missing;
}

const DrainView::Channel* FindStalled(const DrainView& view, const DrainGoal& goal) {
  for (const DrainView::Channel& channel : view.channels) {
    if (channel.resolved < goal.ts && channel.bytes_waiting == 0 && channel.tick_age_ms &&
        *channel.tick_age_ms >= kStalledMs) {
      return &channel;
    }
  }
  return nullptr;
}

uint64_t OldestCheckpoint(const DrainView& view) {
  uint64_t oldest = 0;
  for (size_t i = 0; i < view.channels.size(); ++i) {
    const uint64_t each = view.channels[i].checkpoint;
    oldest = i == 0 ? each : std::min(oldest, each);
  }
  return oldest;
}

std::string FormatHybrid(uint64_t ts) {
  return std::to_string(ts) + " (" + FormatTime(static_cast<int64_t>(ts >> 18)) + ")";
}

}  // namespace cdc::cli
