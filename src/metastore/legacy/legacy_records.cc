#include "metastore/legacy/legacy_records.h"

#include <cstdint>
#include <exception>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "base/base64.h"

namespace cdc {
namespace {

using Json = nlohmann::json;

// Thrown like the library's own errors, and caught with them.
class BadRecord : public std::exception {
 public:
  explicit BadRecord(std::string what) : what_(std::move(what)) {}
  const char* what() const noexcept override { return what_.c_str(); }

 private:
  const std::string what_;
};

// Go leaves out what is empty, or writes null.
template <class T>
T Value(const Json& json, const char* key, T otherwise = {}) {
  const auto found = json.find(key);
  return found == json.end() || found->is_null() ? otherwise : found->get<T>();
}

const Json& Part(const Json& json, const char* key) {
  static const Json kNone = Json::object();
  const auto found = json.find(key);
  if (found == json.end() || found->is_null()) {
    return kNone;
  }
  if (!found->is_structured()) {
    throw BadRecord(std::string(key) + " has no parts");
  }
  return *found;
}

std::string FromBase64(std::string_view text) {
  std::optional<std::string> bytes = DecodeBase64(text);
  if (!bytes) {
    throw BadRecord("a position is not base64");
  }
  return *std::move(bytes);
}

TlsOptions ReadDialConfig(const Json& json) {
  TlsOptions tls{.server_name = Value<std::string>(json, "server_name"),
                 .authority_path = Value<std::string>(json, "ca_pem_path"),
                 .certificate_path = Value<std::string>(json, "client_pem_path"),
                 .key_path = Value<std::string>(json, "client_key_path")};
  if (const auto server = Value<std::string>(json, "server_pem_path"); !server.empty()) {
    tls.authority_path = server;
  }
  return tls;
}

MilvusConnectParam ReadTarget(const Json& json) {
  return {.uri = Value<std::string>(json, "uri"),
          .token = Value<std::string>(json, "token"),
          .host = Value<std::string>(json, "host"),
          .port = Value<int>(json, "port"),
          .enable_tls = Value<bool>(json, "enable_tls"),
          .username = Value<std::string>(json, "username"),
          .password = Value<std::string>(json, "password"),
          .channel_num = Value<int>(json, "channel_num"),
          .connect_timeout = Value<int>(json, "connect_timeout"),
          .ignore_partition = Value<bool>(json, "ignore_partition"),
          .tls = ReadDialConfig(Part(json, "dial_config"))};
}

std::vector<CollectionInfo> ReadCollections(const Json& json) {
  std::vector<CollectionInfo> infos;
  for (const Json& info : json) {
    infos.push_back({.name = info.at("name").get<std::string>(),
                     .positions = Value<std::map<std::string, std::string>>(info, "positions"),
                     .use_start_position = Value<bool>(info, "use_start_position")});
  }
  return infos;
}

std::vector<NameMapping> ReadMappings(const Json& json) {
  std::vector<NameMapping> mappings;
  for (const Json& mapping : json) {
    mappings.push_back(
        {.source_database = Value<std::string>(mapping, "source_db", kDefaultDatabase),
         .target_database = Value<std::string>(mapping, "target_db", kDefaultDatabase),
         .collections = Value<std::map<std::string, std::string>>(mapping, "collection_mapping")});
  }
  return mappings;
}

TaskState ReadState(const Json& json) {
  switch (Value<int>(json, "State")) {
    case 0: return TaskState::kInitial;
    case 1: return TaskState::kRunning;
    case 2: return TaskState::kPaused;
    default: throw BadRecord("unknown state");
  }
}

TaskRecord ReadTask(const Json& json) {
  TaskRecord task;
  TaskSpec& spec = task.spec;
  spec.id = json.at("TaskID").get<std::string>();
  if (spec.id.empty()) {
    throw BadRecord("no task id");
  }
  spec.target = ReadTarget(Part(json, "MilvusConnectParam"));
  spec.collection_infos = ReadCollections(Part(json, "CollectionInfos"));
  for (const auto& [database, infos] : Part(json, "DBCollections").items()) {
    spec.db_collections[database] = ReadCollections(infos);
  }
  spec.name_mapping = ReadMappings(Part(json, "NameMapping"));
  // What it has left to tasks that are older, for as long as it exists.
  spec.exclude = Value<std::vector<std::string>>(json, "ExcludeCollections");
  spec.enable_user_role = Value<bool>(Part(json, "ExtraInfo"), "enable_user_role");
  spec.disable_auto_start = Value<bool>(json, "DisableAutoStart");
  spec.sink_mode = SinkMode::kReplicate;
  spec.sink_mode_reason = "taken over from an earlier program, whose targets are standbys";
  task.state = ReadState(json);
  task.reason = Value<std::string>(json, "Reason");
  return task;
}

// In whole milliseconds; 0: none.
int64_t TimeOf(const Json& position) {
  const auto time = Value<int64_t>(position, "Time");
  return time != 0 ? time : Value<int64_t>(position, "StartTime");
}

// The channel of requests, which has no times: its positions are of this collection.
constexpr int64_t kRequests = -10;

// Adds the positions of one collection to those of the task's channels.
void AddPositions(const Json& json,
                  Timestamp written_until,
                  std::map<std::string, ChannelCheckpoint>* channels) {
  const bool has_times = json.at("CollectionID").get<int64_t>() != kRequests;
  for (const auto& [channel, position] : Part(json, "Positions").items()) {
    // The collection is gone, and the position has stayed where it was since.
    const int64_t ms = TimeOf(position);
    if (Value<bool>(position, "Dropped") || ms <= 0) {
      continue;
    }
    const auto data = Value<std::string>(Part(position, "DataPair"), "data");
    ChannelCheckpoint checkpoint{.channel = channel,
                                 .position = MsgId{FromBase64(data)},
                                 .ts = {},
                                 .applied = {},
                                 .horizon = {}};
    if (has_times) {
      checkpoint.ts = {Timestamp::FromUnixMs(ms).value - 1};
      checkpoint.horizon = written_until;
    }
    if (checkpoint.position.empty()) {
      throw BadRecord("a position is empty");
    }
    const auto known = channels->find(channel);
    if (known == channels->end() || checkpoint.ts < known->second.ts) {
      (*channels)[channel] = std::move(checkpoint);
    }
  }
}

// Runs `read` on each record; what it throws becomes an error that names the record.
template <class Read>
Status ForEach(const std::map<std::string, std::string>& records, Read read) {
  for (const auto& [key, value] : records) {
    std::string what;
    try {
      read(Json::parse(value));
      continue;
    } catch (const Json::parse_error& error) {
      what = "no JSON at byte " + std::to_string(error.byte);  // the library quotes the value
    } catch (const Json::exception& error) {
      what = error.what();
    } catch (const BadRecord& error) {
      what = error.what();
    }
    return DataLossError("the record " + key +
                         " of an earlier program cannot be taken over: " + what);
  }
  return OkStatus();
}

}  // namespace

Result<LegacyContent> ReadLegacyRecords(const LegacyRecords& records, Timestamp written_until) {
  LegacyContent read;
  std::set<std::string> taken;
  CDC_RETURN_IF_ERROR(ForEach(records.tasks, [&](const Json& json) {
    TaskRecord task = ReadTask(json);
    if (task.spec.target.uri.empty() && task.spec.target.host.empty()) {
      read.left_out.push_back("task " + task.spec.id + ": its target is not a Milvus");
      return;
    }
    taken.insert(task.spec.id);
    read.content.tasks.push_back(std::move(task));
  }));
  std::map<std::string, std::map<std::string, ChannelCheckpoint>> channels;
  CDC_RETURN_IF_ERROR(ForEach(records.positions, [&](const Json& json) {
    const auto id = json.at("TaskID").get<std::string>();
    if (taken.contains(id)) {
      AddPositions(json, written_until, &channels[id]);
    }
  }));
  for (auto& [id, of_task] : channels) {
    for (auto& [channel, checkpoint] : of_task) {
      read.content.checkpoints[id].push_back(std::move(checkpoint));
    }
  }
  return read;
}

Result<InitialContent> TakeOverLegacy(const LegacyRecords& records,
                                      const std::string& place,
                                      const Clock& clock) {
  constexpr int64_t kClocksDifferMs = 10 * 60'000;
  CDC_ASSIGN_OR_RETURN(
      LegacyContent read,
      ReadLegacyRecords(records, Timestamp::FromUnixMs(clock.UnixMs() + kClocksDifferMs)));
  if (!records.tasks.empty()) {
    spdlog::info("{} tasks of an earlier program are taken over from {}; its records stay there",
                 read.content.tasks.size(), place.empty() ? "the root path" : place);
  }
  for (const std::string& task : read.left_out) {
    spdlog::warn("not taken over: {}", task);
  }
  return std::move(read.content);
}

}  // namespace cdc
