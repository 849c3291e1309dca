#include "metastore/task_spec_json.h"

#include <map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace cdc {
namespace {

using Json = nlohmann::json;

constexpr int kVersion = 1;

Json EncodeCollections(const std::vector<CollectionInfo>& infos) {
  Json list = Json::array();
  for (const CollectionInfo& info : infos) {
    list.push_back({{"name", info.name},
                    {"positions", info.positions},
                    {"use_start_position", info.use_start_position}});
  }
  return list;
}

std::vector<CollectionInfo> DecodeCollections(const Json& list) {
  std::vector<CollectionInfo> infos;
  for (const Json& item : list) {
    CollectionInfo info;
    item.at("name").get_to(info.name);
    item.at("positions").get_to(info.positions);
    item.at("use_start_position").get_to(info.use_start_position);
    infos.push_back(std::move(info));
  }
  return infos;
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
          {"ignore_partition", target.ignore_partition}};
}

MilvusConnectParam DecodeTarget(const Json& json) {
  MilvusConnectParam target;
  json.at("uri").get_to(target.uri);
  json.at("token").get_to(target.token);
  json.at("host").get_to(target.host);
  json.at("port").get_to(target.port);
  json.at("enable_tls").get_to(target.enable_tls);
  json.at("username").get_to(target.username);
  json.at("password").get_to(target.password);
  json.at("channel_num").get_to(target.channel_num);
  json.at("connect_timeout").get_to(target.connect_timeout);
  json.at("ignore_partition").get_to(target.ignore_partition);
  return target;
}

Result<StartFrom> DecodeStartFrom(const std::string& text) {
  if (text == "latest") {
    return StartFrom::kLatest;
  }
  if (text == "earliest") {
    return StartFrom::kEarliest;
  }
  return DataLossError("unknown start_from: " + text);
}

}  // namespace

std::string EncodeTaskSpec(const TaskSpec& spec) {
  Json databases = Json::object();
  for (const auto& [database, infos] : spec.db_collections) {
    databases[database] = EncodeCollections(infos);
  }
  const Json json = {
      {"version", kVersion},
      {"target", EncodeTarget(spec.target)},
      {"collection_infos", EncodeCollections(spec.collection_infos)},
      {"db_collections", databases},
      {"exclude_collections", spec.exclude_collections},
      {"start_from", spec.start_from == StartFrom::kEarliest ? "earliest" : "latest"},
      {"disable_auto_start", spec.disable_auto_start}};
  // What is not UTF-8 cannot come from a request; it must not throw all the same.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<TaskSpec> DecodeTaskSpec(const std::string& id, const std::string& text) {
  const std::string where = "task " + id + " is damaged";
  try {
    const Json json = Json::parse(text);
    const int version = json.at("version").get<int>();
    if (version > kVersion) {
      return DataLossError("task " + id + " was written by a newer program: version " +
                           std::to_string(version) + " > " + std::to_string(kVersion));
    }
    TaskSpec spec;
    spec.id = id;
    spec.target = DecodeTarget(json.at("target"));
    spec.collection_infos = DecodeCollections(json.at("collection_infos"));
    for (const auto& [database, infos] : json.at("db_collections").items()) {
      spec.db_collections[database] = DecodeCollections(infos);
    }
    json.at("exclude_collections").get_to(spec.exclude_collections);
    const Result<StartFrom> start_from = DecodeStartFrom(json.at("start_from").get<std::string>());
    CDC_RETURN_IF_ERROR(start_from.status().WithContext(where));
    spec.start_from = *start_from;
    json.at("disable_auto_start").get_to(spec.disable_auto_start);
    return spec;
  } catch (const Json::parse_error& error) {
    // The library's own text quotes what it read, and that may be a password.
    return DataLossError(where + ": no JSON at byte " + std::to_string(error.byte));
  } catch (const Json::exception& error) {
    return DataLossError(where + ": " + error.what());
  }
}

}  // namespace cdc
