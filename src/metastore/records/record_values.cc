#include "metastore/records/record_values.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "metastore/records/hex.h"
#include "metastore/task_spec_json.h"

namespace cdc::record_values {
namespace {

using Json = nlohmann::json;

// Thrown like the library's own errors, and caught with them.
class BadValue : public std::exception {
 public:
  explicit BadValue(std::string what) : what_(std::move(what)) {}
  const char* what() const noexcept override { return what_.c_str(); }

 private:
  const std::string what_;
};

std::string Dump(const Json& json) {
  // No name that Milvus takes is invalid UTF-8, but if it were, dump must not throw.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Turns what `read` throws into an error.
template <class T>
Result<T> Decode(const std::string& value, const std::function<T(const Json&)>& read) {
  try {
    return read(Json::parse(value));
  } catch (const Json::parse_error& error) {
    // The library's message quotes the value.
    return DataLossError("no JSON at byte " + std::to_string(error.byte));
  } catch (const Json::exception& error) {
    return DataLossError(error.what());
  } catch (const BadValue& error) {
    return DataLossError(error.what());
  }
}

MsgId ReadPosition(const Json& json) {
  std::optional<std::string> bytes = FromHex(json.get_ref<const std::string&>());
  if (!bytes) {
    throw BadValue("a position is not hexadecimal");
  }
  return MsgId{*std::move(bytes)};
}

Timestamp ReadTime(const Json& json) { return {json.get_ref<const Json::number_unsigned_t&>()}; }

Json EncodeName(const CollectionName& name) {
  return {{"database", name.database}, {"collection", name.collection}};
}

CollectionName ReadName(const Json& json) {
  return {json.at("database").get<std::string>(), json.at("collection").get<std::string>()};
}

Json EncodeUntil(const ChannelCheckpoint::AppliedUntil& until) {
  return {{"ts", until.ts.value}, {"horizon", until.horizon.value}};
}

ChannelCheckpoint::AppliedUntil ReadUntil(const Json& json) {
  return {ReadTime(json.at("ts")), ReadTime(json.at("horizon"))};
}

// JSON's keys are texts.
template <class Id>
Id ReadId(const std::string& text) {
  size_t end = 0;
  try {
    const Id id{std::stoll(text, &end)};
    if (end == text.size()) {
      return id;
    }
  } catch (const std::logic_error&) {  // no number, or too large: as below
  }
  throw BadValue("an id is no number");
}

Json EncodeTakeovers(const std::map<std::string, Takeover>& takeovers) {
  Json json = Json::object();
  for (const auto& [channel, takeover] : takeovers) {
    json[channel] = {{"position", ToHex(takeover.position.bytes)},
                     {"ts", takeover.ts.value},
                     {"seen_until", takeover.seen_until.value}};
  }
  return json;
}

std::map<std::string, Takeover> ReadTakeovers(const Json& json) {
  std::map<std::string, Takeover> takeovers;
  for (const auto& [channel, each] : json.items()) {
    takeovers[channel] = {ReadPosition(each.at("position")), ReadTime(each.at("ts")),
                          ReadTime(each.at("seen_until"))};
  }
  return takeovers;
}

ChannelCheckpoint::Replay ReadReplay(const Json& json) {
  ChannelCheckpoint::Replay replay{.others = ReadUntil(json.at("others")),
                                   .others_position = ReadPosition(json.at("others_position")),
                                   .collections = {}};
  for (const auto& [id, until] : json.at("collections").items()) {
    replay.collections[ReadId<CollectionId>(id)] = ReadUntil(until);
  }
  return replay;
}

template <class Enum>
Enum ReadEnum(const Json& json, Enum last) {
  const auto number = json.get_ref<const Json::number_integer_t&>();
  if (number < 0 || number > static_cast<int64_t>(last)) {
    throw BadValue("unknown value: " + std::to_string(number));
  }
  return static_cast<Enum>(number);
}

}  // namespace

std::string Encode(const TaskRecord& task) {
  // The specification has a form and a version of its own, which every store shares.
  return Dump({{"spec", EncodeTaskSpec(task.spec)},
               {"state", static_cast<int64_t>(task.state)},
               {"reason", task.reason}});
}

Result<TaskRecord> DecodeTask(const std::string& id, const std::string& value) {
  std::string text;
  CDC_ASSIGN_OR_RETURN(TaskRecord task, Decode<TaskRecord>(value, [&text](const Json& json) {
                         json.at("spec").get_to(text);
                         TaskRecord record;
                         record.state = ReadEnum(json.at("state"), TaskState::kPaused);
                         json.at("reason").get_to(record.reason);
                         return record;
                       }));
  CDC_ASSIGN_OR_RETURN(task.spec, DecodeTaskSpec(id, text));
  return task;
}

std::string Encode(const ChannelCheckpoint& checkpoint) {
  Json json = {{"position", ToHex(checkpoint.position.bytes)},
               {"ts", checkpoint.ts.value},
               {"horizon", checkpoint.horizon.value}};
  if (!checkpoint.applied.empty()) {
    for (const MsgId& id : checkpoint.applied) {
      json["applied"].push_back(ToHex(id.bytes));
    }
  }
  if (checkpoint.replay) {
    Json collections = Json::object();
    for (const auto& [id, until] : checkpoint.replay->collections) {
      collections[std::to_string(id.value)] = EncodeUntil(until);
    }
    json["replay"] = {{"others", EncodeUntil(checkpoint.replay->others)},
                      {"others_position", ToHex(checkpoint.replay->others_position.bytes)},
                      {"collections", std::move(collections)}};
  }
  return Dump(json);
}

Result<ChannelCheckpoint> DecodeCheckpoint(const std::string& channel, const std::string& value) {
  return Decode<ChannelCheckpoint>(value, [&channel](const Json& json) {
    ChannelCheckpoint checkpoint{.channel = channel,
                                 .position = ReadPosition(json.at("position")),
                                 .ts = ReadTime(json.at("ts")),
                                 .applied = {},
                                 .horizon = ReadTime(json.at("horizon"))};
    for (const Json& id : json.value("applied", Json::array())) {
      checkpoint.applied.push_back(ReadPosition(id));
    }
    if (json.contains("replay")) {
      checkpoint.replay = ReadReplay(json.at("replay"));
    }
    return checkpoint;
  });
}

std::string Encode(const ReplicatedCollection& collection) {
  Json skips = Json::object();
  for (const auto& [channel, position] : collection.skip_until) {
    skips[channel] = ToHex(position.bytes);
  }
  Json partitions = Json::object();
  for (const auto& [id, name] : collection.partitions) {
    partitions[std::to_string(id.value)] = name;
  }
  Json json = {{"source", EncodeName(collection.source)},
               {"target", EncodeName(collection.target)},
               {"channels", collection.pchannels},
               {"created", collection.created.value},
               {"skip_until", std::move(skips)},
               {"on_target", collection.on_target},
               {"seen_on_target", collection.seen_on_target},
               {"may_hold_until", collection.may_hold_until.value},
               {"partitions", std::move(partitions)}};
  if (collection.renamed_from) {
    json["renamed_from"] = EncodeName(*collection.renamed_from);
  }
  return Dump(json);
}

Result<ReplicatedCollection> DecodeCollection(CollectionId id, const std::string& value) {
  return Decode<ReplicatedCollection>(value, [id](const Json& json) {
    ReplicatedCollection collection;
    collection.id = id;
    collection.source = ReadName(json.at("source"));
    collection.target = ReadName(json.at("target"));
    json.at("channels").get_to(collection.pchannels);
    collection.created = ReadTime(json.at("created"));
    for (const auto& [channel, position] : json.at("skip_until").items()) {
      collection.skip_until[channel] = ReadPosition(position);
    }
    json.at("on_target").get_to(collection.on_target);
    json.at("seen_on_target").get_to(collection.seen_on_target);
    collection.may_hold_until = ReadTime(json.at("may_hold_until"));
    if (json.contains("renamed_from")) {
      collection.renamed_from = ReadName(json.at("renamed_from"));
    }
    for (const auto& [partition, name] : json.at("partitions").items()) {
      collection.partitions[ReadId<PartitionId>(partition)] = name.get<std::string>();
    }
    return collection;
  });
}

std::string Encode(const SnapshotProgress& snapshot) {
  return Dump({{"partitions", snapshot.selection.partitions},
               {"filter", snapshot.selection.filter},
               {"takeover", EncodeTakeovers(snapshot.takeover)},
               {"begun", snapshot.begun},
               {"done", snapshot.done},
               {"rows", snapshot.rows},
               {"bytes", snapshot.bytes},
               {"log", static_cast<int64_t>(snapshot.log)},
               {"expected_seconds", snapshot.expected_seconds},
               {"queue_seconds", snapshot.queue_seconds}});
}

Result<SnapshotProgress> DecodeSnapshot(CollectionId id, const std::string& value) {
  return Decode<SnapshotProgress>(value, [id](const Json& json) {
    return SnapshotProgress{
        .collection = id,
        .selection = {.partitions = json.at("partitions").get<std::set<std::string>>(),
                      .filter = json.at("filter").get<std::string>()},
        .takeover = ReadTakeovers(json.at("takeover")),
        .begun = json.at("begun").get<bool>(),
        .done = json.at("done").get<bool>(),
        .segments = {},
        .rows = json.at("rows").get<int64_t>(),
        .bytes = json.at("bytes").get<int64_t>(),
        .log = ReadEnum(json.at("log"), CopyLog::kApplied),
        .expected_seconds = json.at("expected_seconds").get<int64_t>(),
        .queue_seconds = json.at("queue_seconds").get<int64_t>()};
  });
}

std::string Encode(const AsideCollection& aside) {
  return Dump({{"name", EncodeName(aside.name)},
               {"reason", aside.reason},
               {"since_unix_ms", aside.since_unix_ms},
               {"left_at", EncodeTakeovers(aside.left_at)}});
}

Result<AsideCollection> DecodeAside(CollectionId id, const std::string& value) {
  return Decode<AsideCollection>(value, [id](const Json& json) {
    return AsideCollection{.collection = id,
                           .name = ReadName(json.at("name")),
                           .reason = json.at("reason").get<std::string>(),
                           .since_unix_ms = json.at("since_unix_ms").get<int64_t>(),
                           .left_at = ReadTakeovers(json.at("left_at"))};
  });
}

std::string Encode(const AccessSet& items) {
  Json list = Json::array();
  for (const AccessItem& item : items) {
    list.push_back({{"kind", static_cast<int64_t>(item.kind)},
                    {"user", item.user},
                    {"role", item.role},
                    {"object_type", item.object_type},
                    {"database", item.database},
                    {"object", item.object},
                    {"privilege", item.privilege}});
  }
  return Dump(list);
}

Result<AccessSet> DecodeAccess(const std::string& value) {
  return Decode<AccessSet>(value, [](const Json& json) {
    AccessSet items;
    for (const Json& item : json) {
      items.insert({.kind = ReadEnum(item.at("kind"), AccessItem::Kind::kUserRole),
                    .user = item.at("user").get<std::string>(),
                    .role = item.at("role").get<std::string>(),
                    .object_type = item.at("object_type").get<std::string>(),
                    .database = item.at("database").get<std::string>(),
                    .object = item.at("object").get<std::string>(),
                    .privilege = item.at("privilege").get<std::string>()});
    }
    return items;
  });
}

}  // namespace cdc::record_values
