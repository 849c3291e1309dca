#include "cli/view/task_info.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "cli/view/format.h"
#include "cli/view/json_reading.h"

namespace cdc::cli {
namespace {

using Json = nlohmann::ordered_json;

std::optional<int64_t> Number(const Json& json, const char* key) {
  const Json& value = Member(json, key);
  if (!value.is_number_float()) {
    return value.is_number() ? std::optional(value.get<int64_t>()) : std::nullopt;
  }
  constexpr double kLargest = 9e18;
  const auto number = value.get<double>();
  return std::fabs(number) <= kLargest ? std::optional(static_cast<int64_t>(number)) : std::nullopt;
}

uint64_t Count(const Json& json, const char* key) {
  return static_cast<uint64_t>(std::max<int64_t>(0, Number(json, key).value_or(0)));
}

double Fraction(const Json& json, const char* key) {
  const Json& value = Member(json, key);
  return value.is_number() ? std::max(0.0, value.get<double>()) : 0;
}

void AppendScope(const std::string& database, const Json& infos, std::vector<std::string>* scope) {
  for (const Json& info : infos.is_array() ? infos : Json::array()) {
    scope->push_back(Printable(database) + "." + Text(info, "name"));
  }
}

std::vector<std::string> ReadScope(const Json& json) {
  std::vector<std::string> scope;
  AppendScope("default", Member(json, "collection_infos"), &scope);
  const Json& databases = Member(json, "db_collections");
  if (databases.is_object()) {
    for (const auto& [database, infos] : databases.items()) {
      AppendScope(database, infos, &scope);
    }
  }
  return scope;
}

// Old tasks may have a host and a port instead of the address.
std::string ReadTarget(const Json& target) {
  const std::string host = Text(target, "host");
  if (const std::string uri = Text(target, "uri"); !uri.empty() || host.empty()) {
    return uri;
  }
  if (host.find("://") != std::string::npos) {
    return host;
  }
  const Json& tls = Member(target, "enable_tls");
  return (tls.is_boolean() && tls.get<bool>() ? "https://" : "http://") + host + ":" +
         std::to_string(Number(target, "port").value_or(0));
}

std::vector<std::string> ReadMaps(const Json& list) {
  std::vector<std::string> maps;
  for (const Json& json : list.is_array() ? list : Json::array()) {
    const std::string from = Text(json, "source_db") + ".";
    const std::string to = Text(json, "target_db") + ".";
    const Json& collections = Member(json, "collection_mapping");
    if (!collections.is_object() || collections.empty()) {
      maps.push_back(from + "* -> " + to + "*");
      continue;
    }
    for (const auto& [name, unused] : collections.items()) {
      maps.push_back(from + Printable(name) + " -> " + to + Text(collections, name.c_str()));
    }
  }
  return maps;
}

std::vector<ChannelInfo> ReadChannels(const Json& list) {
  std::vector<ChannelInfo> channels;
  for (const Json& json : list.is_array() ? list : Json::array()) {
    const bool begun = Number(json, "ts").value_or(0) != 0;
    channels.push_back({.channel = Text(json, "channel"),
                        .time_ms = begun ? Number(json, "time_ms").value_or(0) : 0,
                        .position = Text(json, "msg_id")});
  }
  return channels;
}

std::vector<SnapshotInfo> ReadSnapshots(const Json& list) {
  std::vector<SnapshotInfo> snapshots;
  for (const Json& json : list.is_array() ? list : Json::array()) {
    const Json& done = Member(json, "done");
    snapshots.push_back({.collection = Text(json, "collection"),
                         .partitions = Texts(json, "partitions"),
                         .filter = Text(json, "filter"),
                         .done = done.is_boolean() && done.get<bool>(),
                         .rows = Count(json, "rows"),
                         .total_rows = Count(json, "total_rows"),
                         .rows_per_second = Fraction(json, "rows_per_second"),
                         .bytes_per_second = Fraction(json, "bytes_per_second"),
                         .seconds_left = Number(json, "seconds_left"),
                         .log_applied = Text(json, "log") == "applied"});
  }
  return snapshots;
}

std::vector<SetAsideInfo> ReadSetAside(const Json& list) {
  std::vector<SetAsideInfo> collections;
  for (const Json& json : list.is_array() ? list : Json::array()) {
    collections.push_back({.collection = Text(json, "collection"), .reason = Text(json, "reason")});
  }
  return collections;
}

}  // namespace

TaskInfo ReadTask(const Json& json) {
  TaskInfo task;
  task.id = Text(json, "task_id");
  task.state = Text(json, "state");
  const Json& condition = Member(json, "condition");
  task.condition = Text(condition, "state");
  task.phase = Text(json, "phase");
  task.reason = Text(condition, "reason");
  if (task.reason.empty()) {
    task.reason = Text(json, "reason");
  }
  task.since_unix_ms = Number(condition, "since").value_or(0);
  task.target = ReadTarget(Member(json, "milvus_connect_param"));
  task.target_version = Text(json, "target_version");
  task.sink_mode = Text(json, "sink_mode");
  task.sink_mode_reason = Text(json, "sink_mode_reason");
  task.scope = ReadScope(json);
  task.excluded = Texts(json, "exclude");
  task.left_to_others = Texts(json, "exclude_collections");
  task.covers = Texts(json, "covers");
  task.start_from = Text(json, "start_from");
  task.stop_at = Count(json, "stop_at");
  const Json& disabled = Member(json, "disable_auto_start");
  task.disable_auto_start = disabled.is_boolean() && disabled.get<bool>();
  const Json& sync_index = Member(json, "sync_index");
  task.sync_index = !sync_index.is_boolean() || sync_index.get<bool>();
  const Json& dry_run = Member(json, "dry_run");
  task.dry_run = dry_run.is_boolean() && dry_run.get<bool>();
  const Json& sync_load = Member(json, "sync_load");
  task.sync_load = !sync_load.is_boolean() || sync_load.get<bool>();
  task.maps = ReadMaps(Member(json, "name_mapping"));
  task.attempts = Number(condition, "attempts").value_or(0);
  task.channels = ReadChannels(Member(json, "checkpoint"));
  task.snapshots = ReadSnapshots(Member(json, "snapshots"));
  task.set_aside = ReadSetAside(Member(json, "set_aside"));
  // Without a channel nothing is measured, whatever the number.
  if (!task.channels.empty()) {
    task.lag_ms = Number(json, "lag_ms");
    task.source_lag_ms = Number(json, "source_lag_ms");
  }
  const Json& rows = Member(json, "rows");
  task.rows = {Count(rows, "inserted"), Count(rows, "upserted"), Count(rows, "deleted")};
  if (Member(json, "bytes_written").is_number()) {
    task.bytes_written = Count(json, "bytes_written");
  }
  task.bytes_waiting = Count(json, "bytes_waiting");
  const Json& skipped = Member(json, "skipped");
  task.skipped = Count(skipped, "records");
  task.last_skipped = Text(skipped, "last");
  return task;
}

std::vector<TaskInfo> ReadTasks(const Json& data) {
  std::vector<TaskInfo> tasks;
  const Json& list = Member(data, "tasks");
  for (const Json& json : list.is_array() ? list : Json::array()) {
    tasks.push_back(ReadTask(json));
  }
  return tasks;
}

bool TaskInfo::IsCopying() const {
  return std::any_of(snapshots.begin(), snapshots.end(),
                     [](const SnapshotInfo& snapshot) { return !snapshot.done; });
}

bool IsCaughtUp(const TaskInfo& task, int64_t limit_ms) {
  return task.IsRunning() && !task.IsCopying() && task.set_aside.empty() && task.lag_ms &&
         *task.lag_ms <= limit_ms &&
         std::all_of(task.channels.begin(), task.channels.end(),
                     [](const ChannelInfo& channel) { return channel.time_ms > 0; });
}

}  // namespace cdc::cli
