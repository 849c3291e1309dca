// PATCH of a task: a JSON merge patch (RFC 7396) of what can be changed.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/rest/problem.h"
#include "api/rest/rest_api.h"
#include "api/rest/rest_request.h"

namespace cdc {
namespace {

using Json = nlohmann::json;

constexpr const char* kTargetKey = "milvus_connect_param";

// What a request would have to say for the target to be as it is.
Json TargetOf(const MilvusConnectParam& target) {
  Json json = Json::object();
  const auto add = [&json](const char* key, const auto& value, const auto& nothing) {
    if (value != nothing) {
      json[key] = value;
    }
  };
  const std::string none;
  add("uri", target.uri, none);
  add("token", target.token, none);
  add("host", target.host, none);
  if (target.uri.empty()) {
    add("port", target.port, 0);  // beside a uri it counts for nothing, and need not be valid
  }
  add("enable_tls", target.enable_tls, false);
  add("username", target.username, none);
  add("password", target.password, none);
  add("channel_num", target.channel_num, 0);
  add("connect_timeout", target.connect_timeout, 0);
  add("ignore_partition", target.ignore_partition, false);
  if (const TlsOptions& tls = target.tls; !tls.empty()) {
    Json dial = Json::object();
    if (!tls.server_name.empty()) {
      dial["server_name"] = tls.server_name;
    }
    if (tls.certificate_path.empty()) {
      dial["server_pem_path"] = tls.authority_path;
    } else {
      dial["ca_pem_path"] = tls.authority_path;
      dial["client_pem_path"] = tls.certificate_path;
      dial["client_key_path"] = tls.key_path;
    }
    json["dial_config"] = std::move(dial);
  }
  return json;
}

Json InfosOf(const std::vector<CollectionInfo>& infos) {
  Json list = Json::array();
  for (const CollectionInfo& info : infos) {
    list.push_back({{"name", info.name}, {"use_start_position", info.use_start_position}});
    if (!info.positions.empty()) {
      list.back()["positions"] = info.positions;
    }
    if (info.start_from) {
      list.back()["start_from"] = StartFromName(*info.start_from);
    }
  }
  return list;
}

// What a request would have to say for all that can be changed to be as it is.
Json RequestOf(const TaskSpec& spec) {
  Json databases = Json::object();
  for (const auto& [database, infos] : spec.db_collections) {
    databases[database] = InfosOf(infos);
  }
  Json mappings = Json::array();
  for (const NameMapping& mapping : spec.name_mapping) {
    mappings.push_back({{"source_db", mapping.source_database},
                        {"target_db", mapping.target_database},
                        {"collection_mapping", mapping.collections}});
  }
  return {{kTargetKey, TargetOf(spec.target)},
          {"collection_infos", InfosOf(spec.collection_infos)},
          {"db_collections", std::move(databases)},
          {"exclude", spec.exclude},
          {"name_mapping", std::move(mappings)},
          {"start_from", StartFromName(spec.start_from)},
          {"snapshot",
           {{"from", SnapshotFromName(spec.snapshot.from)},
            {"index", SnapshotIndexName(spec.snapshot.index)},
            {"log", SnapshotLogName(spec.snapshot.log)}}},
          {"on_expired", OnExpiredName(spec.on_expired)},
          {"on_collection_error", OnCollectionErrorName(spec.on_collection_error)},
          {"buffer_config", {{"period", spec.buffer_period}, {"size", spec.buffer_size}}}};
}

// Only what the request names: all else stays exactly as it is.
void CopyNamed(const Json& patch, const TaskSpec& merged, TaskSpec* spec) {
  const auto copy = [&](const char* key, auto TaskSpec::* field) {
    if (patch.contains(key)) {
      spec->*field = merged.*field;
    }
  };
  copy(kTargetKey, &TaskSpec::target);
  copy("collection_infos", &TaskSpec::collection_infos);
  copy("db_collections", &TaskSpec::db_collections);
  copy("exclude", &TaskSpec::exclude);
  copy("name_mapping", &TaskSpec::name_mapping);
  copy("start_from", &TaskSpec::start_from);
  copy("snapshot", &TaskSpec::snapshot);
  copy("on_expired", &TaskSpec::on_expired);
  copy("on_collection_error", &TaskSpec::on_collection_error);
  copy("buffer_config", &TaskSpec::buffer_period);
  copy("buffer_config", &TaskSpec::buffer_size);
}

bool HasAny(const Json& object, const std::vector<const char*>& keys) {
  for (const char* key : keys) {
    if (object.contains(key) && !object.at(key).is_null()) {
      return true;
    }
  }
  return false;
}

void Erase(Json* object, const std::vector<const char*>& keys) {
  for (const char* key : keys) {
    object->erase(key);
  }
}

// There are two ways to say who one is, where the target is, and whom one trusts. One way that was
// used before must not win over the other one, which the patch uses.
void EraseOtherWays(const Json& patch, Json* target) {
  const std::vector<std::pair<std::vector<const char*>, std::vector<const char*>>> ways = {
      {{"token"}, {"username", "password"}}, {{"uri"}, {"host", "port", "enable_tls"}}};
  for (const auto& [one, other] : ways) {
    if (HasAny(patch, one)) {
      Erase(target, other);
    } else if (HasAny(patch, other)) {
      Erase(target, one);
    }
  }
  if (!patch.contains("dial_config") || !patch.at("dial_config").is_object() ||
      !target->contains("dial_config")) {
    return;
  }
  const Json& dial = patch.at("dial_config");
  if (HasAny(dial, {"server_pem_path"})) {
    Erase(&(*target)["dial_config"], {"ca_pem_path", "client_pem_path", "client_key_path"});
  } else if (HasAny(dial, {"ca_pem_path"})) {
    Erase(&(*target)["dial_config"], {"server_pem_path"});
  }
}

std::string_view CureOf(const std::string& field) {
  return field == "on_undecodable" || field == "stop_at"
             ? "resume the task with it"
             : "create a new task with it, and delete this one";
}

}  // namespace

RestApi::Refusal RestApi::ReadPatch(const RestRequest& request, TaskSpec* spec) const {
  Json merged = RequestOf(*spec);
  std::vector<FieldError> errors;
  for (const auto& [key, value] : request.body.items()) {
    if (!merged.contains(key)) {
      errors.push_back({key, "cannot be changed: " + std::string(CureOf(key))});
    } else if (key == kTargetKey && !value.is_object()) {
      errors.push_back({key, "must be an object with what is to be changed"});
    }
  }
  if (!errors.empty()) {
    return ProblemAnswer(422, "the body has fields that cannot be changed, see errors", errors);
  }
  if (request.body.contains(kTargetKey)) {
    EraseOtherWays(request.body.at(kTargetKey), &merged[kTargetKey]);
  }
  merged.merge_patch(request.body);
  const Json& target = merged.at(kTargetKey);
  const bool has_dial = target.contains("dial_config") && !target.at("dial_config").empty();
  // As a request that creates a task, so that it is checked like one.
  RestRequest whole(request.http);
  whole.body = std::move(merged);
  CreateRequest create;
  if (Refusal refusal = whole.ReadBody(
          [&create](const RequestReader& reader) { create = ReadCreateRequest(reader); })) {
    return refusal;
  }
  std::string field;
  const Result<TaskSpec> valid = ValidateCreate(create, options_.limits, &field);
  if (!valid.ok()) {
    return ProblemAnswer(422, valid.status().message(), {{field, valid.status().message()}});
  }
  if (valid->target.channel_num != spec->target.channel_num ||
      valid->target.ignore_partition != spec->target.ignore_partition) {
    const std::string message =
        "channel_num and ignore_partition cannot be changed: create a new task with them, and "
        "delete this one";
    return ProblemAnswer(422, message, {{kTargetKey, message}});
  }
  if (has_dial && valid->target.tls.empty()) {
    const std::string message =
        "has no effect: it needs a uri with https://, and either server_pem_path or all of "
        "ca_pem_path, client_pem_path and client_key_path";
    return ProblemAnswer(422, "dial_config " + message,
                         {{"milvus_connect_param.dial_config", message}});
  }
  CopyNamed(request.body, *valid, spec);
  return std::nullopt;
}

HttpAnswer RestApi::PatchTask(const RestRequest& request) {
  if (request.body.empty()) {
    if (Refusal refusal = CheckIfMatch(request)) {
      return *std::move(refusal);
    }
    return ShowTask(request.id);
  }
  // Merged into the task as it is when no other change can come between.
  Refusal refusal;
  const Result<std::vector<ScopeNote>> notes =
      options_.tasks->ChangeTask(request.id, [&](const TaskView& now, TaskSpec* wanted) {
        refusal = CheckIfMatch(request, now);
        if (!refusal) {
          refusal = ReadPatch(request, wanted);
        }
        return refusal ? FailedPreconditionError("the request is refused") : OkStatus();
      });
  if (refusal) {
    return *std::move(refusal);
  }
  if (!notes.ok()) {
    return ProblemOf(notes.status());
  }
  const Result<TaskView> view = options_.tasks->Get(request.id);
  return view.ok() ? ShowChanged(*view, *notes) : ProblemOf(view.status());
}

}  // namespace cdc
