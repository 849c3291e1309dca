#include "metastore/task_spec_json.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace cdc {
namespace {

using Json = nlohmann::json;

constexpr int kVersion = 2;
// Of a task without `stop_at`. A program that does not know the field would go on past it, so it
// must not read it; all other tasks it may have.
constexpr int kVersionWithoutEnd = 1;

// The whole file, since its task cannot be shown, let alone deleted.
constexpr const char* kCure =
    "; move the file away and create its tasks again with start_from earliest, which doubles "
    "nothing in their targets";

// Throws for a fraction. Clamps what `int` cannot hold: no value of ours is that large.
int ReadInteger(const Json& json) {
  const int64_t value = json.get_ref<const Json::number_integer_t&>();
  return static_cast<int>(
      std::clamp<int64_t>(value, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()));
}

Json EncodeCollections(const std::vector<CollectionInfo>& infos) {
  Json list = Json::array();
  for (const CollectionInfo& info : infos) {
    list.push_back({{"name", info.name},
                    {"positions", info.positions},
                    {"use_start_position", info.use_start_position}});
    if (info.start_from) {
      list.back()["start_from"] = StartFromName(*info.start_from);
    }
  }
  return list;
}

// `parse` reads the names of an enumeration.
template <typename Enum>
Result<Enum> DecodeName(const Json& json,
                        const char* key,
                        std::optional<Enum> (*parse)(std::string_view)) {
  const auto& text = json.at(key).get_ref<const std::string&>();
  const std::optional<Enum> value = parse(text);
  if (!value) {
    return DataLossError("unknown " + std::string(key) + ": " + text);
  }
  return *value;
}

Result<std::vector<CollectionInfo>> DecodeCollections(const Json& list) {
  std::vector<CollectionInfo> infos;
  for (const Json& item : list) {
    CollectionInfo info;
    item.at("name").get_to(info.name);
    item.at("positions").get_to(info.positions);
    item.at("use_start_position").get_to(info.use_start_position);
    if (item.contains("start_from")) {
      CDC_ASSIGN_OR_RETURN(info.start_from, DecodeName(item, "start_from", ParseStartFrom));
    }
    infos.push_back(std::move(info));
  }
  return infos;
}

Json EncodeLeftNames(const std::vector<LeftName>& names) {
  Json list = Json::array();
  for (const LeftName& name : names) {
    list.push_back({{"pattern", name.pattern}, {"except", EncodeLeftNames(name.except)}});
  }
  return list;
}

// We never write deeper nesting, so it means damage; the limit also bounds the recursion.
Status DecodeLeftNames(const Json& list, int depth, std::vector<LeftName>* names) {
  if (depth > LeftName::kMaxDepth) {
    return DataLossError("left_to_older is nested too deeply");
  }
  for (const Json& item : list) {
    names->push_back({.pattern = item.at("pattern").get<std::string>(), .except = {}});
    CDC_RETURN_IF_ERROR(DecodeLeftNames(item.at("except"), depth + 1, &names->back().except));
  }
  return OkStatus();
}

Json EncodeTarget(const MilvusConnectParam& target) {
  return {{"uri", target.uri},
          {"token", target.token},
          {"host", target.host},
          {"port", target.port},
          {"enable_tls", target.enable_tls},
          {"username", target.username},
          {"password", target.password},
          {"channel_num", target.channel_num},
          {"connect_timeout", target.connect_timeout},
          {"ignore_partition", target.ignore_partition},
          {"tls",
           {{"server_name", target.tls.server_name},
            {"authority_path", target.tls.authority_path},
            {"certificate_path", target.tls.certificate_path},
            {"key_path", target.tls.key_path}}}};
}

MilvusConnectParam DecodeTarget(const Json& json) {
  MilvusConnectParam target;
  json.at("uri").get_to(target.uri);
  json.at("token").get_to(target.token);
  json.at("host").get_to(target.host);
  target.port = ReadInteger(json.at("port"));
  json.at("enable_tls").get_to(target.enable_tls);
  json.at("username").get_to(target.username);
  json.at("password").get_to(target.password);
  target.channel_num = ReadInteger(json.at("channel_num"));
  target.connect_timeout = ReadInteger(json.at("connect_timeout"));
  json.at("ignore_partition").get_to(target.ignore_partition);
  const Json& tls = json.at("tls");
  tls.at("server_name").get_to(target.tls.server_name);
  tls.at("authority_path").get_to(target.tls.authority_path);
  tls.at("certificate_path").get_to(target.tls.certificate_path);
  tls.at("key_path").get_to(target.tls.key_path);
  return target;
}

Json EncodeMappings(const std::vector<NameMapping>& mappings) {
  Json list = Json::array();
  for (const NameMapping& mapping : mappings) {
    list.push_back({{"source_database", mapping.source_database},
                    {"target_database", mapping.target_database},
                    {"collections", mapping.collections}});
  }
  return list;
}

std::vector<NameMapping> DecodeMappings(const Json& list) {
  std::vector<NameMapping> mappings;
  for (const Json& item : list) {
    NameMapping mapping;
    item.at("source_database").get_to(mapping.source_database);
    item.at("target_database").get_to(mapping.target_database);
    item.at("collections").get_to(mapping.collections);
    mappings.push_back(std::move(mapping));
  }
  return mappings;
}

Result<SinkMode> DecodeSinkMode(const Json& json) {
  CDC_ASSIGN_OR_RETURN(const SinkMode mode, DecodeName(json, "sink_mode", ParseSinkMode));
  // A create decides the mode before it stores the task.
  if (mode == SinkMode::kAuto) {
    return DataLossError("sink_mode is neither api nor replicate: auto");
  }
  return mode;
}

// Throws what the library throws when a part is missing or of another type.
Result<TaskSpec> DecodeParts(const std::string& id, const Json& json) {
  TaskSpec spec;
  spec.id = id;
  spec.target = DecodeTarget(json.at("target"));
  json.at("target_identity").get_to(spec.target_identity);
  CDC_ASSIGN_OR_RETURN(spec.collection_infos, DecodeCollections(json.at("collection_infos")));
  for (const auto& [database, infos] : json.at("db_collections").items()) {
    CDC_ASSIGN_OR_RETURN(spec.db_collections[database], DecodeCollections(infos));
  }
  json.at("exclude").get_to(spec.exclude);
  CDC_RETURN_IF_ERROR(DecodeLeftNames(json.at("left_to_older"), 0, &spec.left_to_older));
  CDC_ASSIGN_OR_RETURN(spec.start_from, DecodeName(json, "start_from", ParseStartFrom));
  CDC_ASSIGN_OR_RETURN(spec.snapshot.from, DecodeName(json, "snapshot_from", ParseSnapshotFrom));
  CDC_ASSIGN_OR_RETURN(spec.snapshot.index, DecodeName(json, "snapshot_index", ParseSnapshotIndex));
  CDC_ASSIGN_OR_RETURN(spec.snapshot.log, DecodeName(json, "snapshot_log", ParseSnapshotLog));
  CDC_ASSIGN_OR_RETURN(spec.on_expired, DecodeName(json, "on_expired", ParseOnExpired));
  CDC_ASSIGN_OR_RETURN(spec.on_collection_error,
                       DecodeName(json, "on_collection_error", ParseOnCollectionError));
  CDC_ASSIGN_OR_RETURN(spec.on_undecodable, DecodeName(json, "on_undecodable", ParseOnUndecodable));
  CDC_ASSIGN_OR_RETURN(spec.sink_mode, DecodeSinkMode(json));
  json.at("sink_mode_reason").get_to(spec.sink_mode_reason);
  json.at("disable_auto_start").get_to(spec.disable_auto_start);
  spec.name_mapping = DecodeMappings(json.at("name_mapping"));
  json.at("sync_index").get_to(spec.sync_index);
  json.at("sync_load").get_to(spec.sync_load);
  // Older files lack these.
  spec.enable_user_role = json.value("enable_user_role", false);
  spec.dry_run = json.value("dry_run", false);
  spec.rpc_channel_name = json.value("rpc_channel_name", std::string());
  spec.rpc_channel_position = json.value("rpc_channel_position", std::string());
  spec.buffer_period = json.value("buffer_period", 0);
  spec.buffer_size = json.value("buffer_size", 0);
  spec.stop_at = Timestamp{json.value("stop_at", uint64_t{0})};
  return spec;
}

}  // namespace

std::string EncodeTaskSpec(const TaskSpec& spec) {
  Json databases = Json::object();
  for (const auto& [database, infos] : spec.db_collections) {
    databases[database] = EncodeCollections(infos);
  }
  const bool ends = spec.stop_at > Timestamp{};
  Json json = {{"version", ends ? kVersion : kVersionWithoutEnd},
               {"target", EncodeTarget(spec.target)},
               {"target_identity", spec.target_identity},
               {"collection_infos", EncodeCollections(spec.collection_infos)},
               {"db_collections", databases},
               {"exclude", spec.exclude},
               {"left_to_older", EncodeLeftNames(spec.left_to_older)},
               {"start_from", StartFromName(spec.start_from)},
               {"snapshot_from", SnapshotFromName(spec.snapshot.from)},
               {"snapshot_index", SnapshotIndexName(spec.snapshot.index)},
               {"snapshot_log", SnapshotLogName(spec.snapshot.log)},
               {"on_expired", OnExpiredName(spec.on_expired)},
               {"on_collection_error", OnCollectionErrorName(spec.on_collection_error)},
               {"on_undecodable", OnUndecodableName(spec.on_undecodable)},
               {"sink_mode", SinkModeName(spec.sink_mode)},
               {"sink_mode_reason", spec.sink_mode_reason},
               {"disable_auto_start", spec.disable_auto_start},
               {"name_mapping", EncodeMappings(spec.name_mapping)},
               {"sync_index", spec.sync_index},
               {"sync_load", spec.sync_load},
               {"enable_user_role", spec.enable_user_role},
               {"dry_run", spec.dry_run},
               {"rpc_channel_name", spec.rpc_channel_name},
               {"rpc_channel_position", spec.rpc_channel_position},
               {"buffer_period", spec.buffer_period},
               {"buffer_size", spec.buffer_size}};
  if (ends) {
    json["stop_at"] = spec.stop_at.value;
  }
  // A request cannot contain invalid UTF-8, but if it did, dump must not throw.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<TaskSpec> DecodeTaskSpec(const std::string& id, const std::string& text) {
  const auto damaged = [&id](const std::string& what) {
    return DataLossError("task " + id + " is damaged: " + what + kCure);
  };
  try {
    const Json json = Json::parse(text);
    const int version = ReadInteger(json.at("version"));
    if (version > kVersion) {
      return DataLossError("task " + id + " was written by a newer program: version " +
                           std::to_string(version) + " > " + std::to_string(kVersion));
    }
    Result<TaskSpec> spec = DecodeParts(id, json);
    if (!spec.ok()) {
      return damaged(spec.status().message());
    }
    return spec;
  } catch (const Json::parse_error& error) {
    // The library's message quotes the input, which may hold a password.
    return damaged("no JSON at byte " + std::to_string(error.byte));
  } catch (const Json::exception& error) {
    return damaged(error.what());
  }
}

}  // namespace cdc
