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
Json RequestOf(const MilvusConnectParam& target) {
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
  add("port", target.port, 0);
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
  return field == "on_undecodable" ? "resume the task with it"
                                   : "create a new task with it, and delete this one";
}

}  // namespace

RestApi::Refusal RestApi::ReadPatch(const RestRequest& request, MilvusConnectParam* target) const {
  std::vector<FieldError> errors;
  for (const auto& [key, value] : request.body.items()) {
    if (key != kTargetKey) {
      errors.push_back(
          {key, "cannot be changed: " + std::string(CureOf(key)) +
                    "; what can be is milvus_connect_param: addresses and credentials"});
    } else if (!value.is_object()) {
      errors.push_back({key, "must be an object with what is to be changed"});
    }
  }
  if (!errors.empty()) {
    return ProblemAnswer(422, "the body has fields that cannot be changed, see errors", errors);
  }
  const Json& patch = request.body.at(kTargetKey);
  Json merged = RequestOf(*target);
  EraseOtherWays(patch, &merged);
  merged.merge_patch(patch);
  const bool has_dial = merged.contains("dial_config") && !merged.at("dial_config").empty();
  // As a request that creates a task, so that it is checked like one.
  RestRequest whole(request.http);
  whole.body = Json::object();
  whole.body[kTargetKey] = std::move(merged);
  whole.body["collection_infos"] = Json::array({Json::object({{"name", "any"}})});
  CreateRequest create;
  if (Refusal refusal = whole.ReadBody(
          [&create](const RequestReader& reader) { create = ReadCreateRequest(reader); })) {
    return refusal;
  }
  std::string field;
  const Result<TaskSpec> valid = ValidateCreate(create, options_.limits, &field);
  if (!valid.ok()) {
    return ProblemAnswer(422, valid.status().message(), {{kTargetKey, valid.status().message()}});
  }
  if (valid->target.channel_num != target->channel_num ||
      valid->target.ignore_partition != target->ignore_partition) {
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
  *target = valid->target;
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
  const Status changed = options_.tasks->ChangeTarget(
      request.id, [&](const TaskView& now, MilvusConnectParam* target) {
        refusal = CheckIfMatch(request, now);
        if (!refusal) {
          refusal = ReadPatch(request, target);
        }
        return refusal ? FailedPreconditionError("the request is refused") : OkStatus();
      });
  if (refusal) {
    return *std::move(refusal);
  }
  return changed.ok() ? ShowTask(request.id) : ProblemOf(changed);
}

}  // namespace cdc
