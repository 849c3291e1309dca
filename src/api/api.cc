#include "api/api.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "api/change_request.h"
#include "api/drain_request.h"
#include "api/json_text.h"
#include "api/maintenance.h"
#include "api/plan_json.h"
#include "api/request_reader.h"
#include "api/resume_request.h"
#include "control/drain_goal.h"
#include "model/source_time.h"

namespace cdc {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

constexpr const char* kCreate = "create";
constexpr int kBadRequest = 400;
constexpr int kMethodNotAllowed = 405;
constexpr int kServerError = 500;

int AnswerCode(const Status& status) {
  switch (status.code()) {
    case StatusCode::kInvalidArgument:
    case StatusCode::kNotFound:
    case StatusCode::kAlreadyExists:
    case StatusCode::kFailedPrecondition:
    case StatusCode::kOutOfRange: return kBadRequest;
    default: return kServerError;
  }
}

// Existing clients expect a request that cannot be decoded to be reported as a server error.
Status DecodeFailure(const std::string& type, const Status& status) {
  return status.ok() ? status
                     : Status(StatusCode::kInternal, "fail to decode the " + type +
                                                         " request, error: " + status.message());
}

Status OperationFailure(const std::string& type, const Status& status) {
  return status.WithContext("fail to handle the " + type + " request, error");
}

// Reads the id that all small requests have; `read_more` reads the rest.
Result<std::string> ReadTaskId(
    const std::string& type,
    const Json& data,
    const std::function<void(const RequestReader&)>& read_more = [](const RequestReader&) {}) {
  std::vector<FieldError> errors;
  const RequestReader reader(data, "", &errors);
  std::string id;
  reader.Read("task_id", &id);
  read_more(reader);
  CDC_RETURN_IF_ERROR(DecodeFailure(type, DecodeErrors(errors)));
  return id;
}

struct Envelope {
  std::string type;
  Json data = Json::object();
};

Result<Envelope> ParseEnvelope(std::string_view body) {
  const auto fail = [](const std::string& cause) {
    return InternalError("fail to unmarshal the request, error: " + cause);
  };
  Result<Json> parsed = ParseJson(body);
  if (!parsed.ok()) {
    return fail(parsed.status().message());
  }
  const Json& json = *parsed;
  if (!json.is_object() && !json.is_null()) {
    return fail("the request must be a JSON object");
  }
  Envelope envelope;
  if (const Json* type = FindMember(json, "request_type")) {
    if (!type->is_string()) {
      return fail("request_type must be a string");
    }
    envelope.type = type->get<std::string>();
  }
  if (const Json* data = FindMember(json, "request_data")) {
    if (!data->is_object()) {
      return fail("request_data must be an object");
    }
    envelope.data = *data;
  }
  return envelope;
}

}  // namespace

ApiAnswer Api::WrongMethod() {
  metrics_->CountRequest("unknown", "invalid_method");
  return EncodeFailure(kMethodNotAllowed, "only support the POST method");
}

ApiAnswer Api::UnreadableBody(const std::string& cause) {
  metrics_->CountRequest("unknown", "read_error");
  return EncodeFailure(kServerError, "fail to read the request body, error: " + cause);
}

bool Api::MayTakeLong(std::string_view body) {
  const Result<Envelope> envelope = ParseEnvelope(body);
  return envelope.ok() && envelope->type == kCreate;
}

ApiAnswer Api::Handle(std::string_view body) {
  try {
    const Result<Envelope> envelope = ParseEnvelope(body);
    if (!envelope.ok()) {
      metrics_->CountRequest("unknown", "unmarshal_error");
      return EncodeFailure(kServerError, envelope.status().message());
    }
    return Dispatch(envelope->type, envelope->data);
  } catch (const std::exception& error) {
    // A library threw where it never should; the client still gets an answer.
    spdlog::error("a request ended by an exception, error={}", error.what());
    return EncodeFailure(kServerError, "internal error");
  }
}

ApiAnswer Api::Dispatch(const std::string& type, const Json& data) {
  struct Handler {
    const char* type;
    Answer (Api::*handle)(const Json&);
  };
  static constexpr Handler kHandlers[] = {
      {kCreate, &Api::Create},      {"delete", &Api::Delete},
      {"pause", &Api::Pause},       {"resume", &Api::Resume},
      {"get", &Api::Get},           {"list", &Api::List},
      {"position", &Api::Position}, {"maintenance", &Api::Maintenance},
      {"retry", &Api::Retry},       {"set_aside", &Api::SetAside},
      {"snapshot", &Api::Snapshot}, {"drain", &Api::Drain},
      {"events", &Api::Events}};
  for (const Handler& handler : kHandlers) {
    if (type != handler.type) {
      continue;
    }
    const auto begin = clock_->Now();
    metrics_->CountRequest(type, "total");
    const Answer answer = (this->*handler.handle)(data);
    if (!answer.ok()) {
      return EncodeFailure(AnswerCode(answer.status()), answer.status().message());
    }
    metrics_->CountRequest(type, "success");
    metrics_->ObserveLatency(
        type, std::chrono::duration_cast<std::chrono::microseconds>(clock_->Now() - begin));
    return EncodeSuccess(*answer);
  }
  metrics_->CountRequest("unknown", "total");
  return EncodeFailure(kBadRequest,
                       "invalid 'request_type' param, can be set [create delete pause resume get "
                       "position list maintenance]");
}

Api::Answer Api::Create(const Json& data) {
  // With it, the create only says what it would do.
  bool plan = false;
  std::vector<FieldError> errors;
  RequestReader(data, "", &errors).Read("plan", &plan);
  CDC_RETURN_IF_ERROR(DecodeFailure("create", DecodeErrors(errors)));
  Result<CreateRequest> request = DecodeCreateRequest(data);
  CDC_RETURN_IF_ERROR(DecodeFailure("create", request.status()));
  Result<TaskSpec> spec = ValidateCreate(*request, limits_);
  CDC_RETURN_IF_ERROR(OperationFailure("create", spec.status()));
  if (plan) {
    return OrderedJson{{"plan", EncodePlan(tasks_->Plan(*std::move(spec)))}};
  }
  const Result<TaskManager::Created> created = tasks_->Create(*std::move(spec));
  CDC_RETURN_IF_ERROR(OperationFailure("create", created.status()));
  return OrderedJson{{"task_id", created->id},
                     {"sink_mode", SinkModeName(created->sink_mode)},
                     {"sink_mode_reason", created->sink_mode_reason}};
}

Api::Answer Api::Delete(const Json& data) {
  bool ignore_not_found = false;
  const auto read_more = [&ignore_not_found](const RequestReader& reader) {
    reader.Read("ignore_not_found", &ignore_not_found);
  };
  CDC_ASSIGN_OR_RETURN(const std::string id, ReadTaskId("delete", data, read_more));
  CDC_RETURN_IF_ERROR(OperationFailure("delete", tasks_->Delete(id, ignore_not_found)));
  return OrderedJson::object();
}

Api::Answer Api::Pause(const Json& data) {
  CDC_ASSIGN_OR_RETURN(const std::string id, ReadTaskId("pause", data));
  CDC_RETURN_IF_ERROR(OperationFailure("pause", tasks_->Pause(id)));
  return OrderedJson::object();
}

Api::Answer Api::Resume(const Json& data) {
  ResumeRequest request;
  const auto read_more = [&request](const RequestReader& reader) {
    request = ReadResumeRequest(reader);
  };
  CDC_ASSIGN_OR_RETURN(const std::string id, ReadTaskId("resume", data, read_more));
  const Result<ResumeOptions> options = ValidateResume(request);
  CDC_RETURN_IF_ERROR(OperationFailure("resume", options.status()));
  const auto notes = tasks_->Resume(id, *options);
  CDC_RETURN_IF_ERROR(OperationFailure("resume", notes.status()));
  return notes->empty() ? OrderedJson::object()
                        : OrderedJson{{"changes", EncodeScopeNotes(*notes)}};
}

Api::Answer Api::Events(const Json& data) {
  int after = 0;
  const auto read_more = [&after](const RequestReader& reader) { reader.Read("after", &after); };
  CDC_ASSIGN_OR_RETURN(const std::string id, ReadTaskId("events", data, read_more));
  const auto events = tasks_->Events(id, static_cast<uint64_t>(std::max(after, 0)));
  CDC_RETURN_IF_ERROR(OperationFailure("events", events.status()));
  return EncodeEvents(*events);
}

Api::Answer Api::Drain(const Json& data) {
  DrainRequest request;
  const auto read_more = [&request](const RequestReader& reader) {
    request = ReadDrainRequest(reader);
  };
  CDC_ASSIGN_OR_RETURN(const std::string id, ReadTaskId("drain", data, read_more));
  CDC_RETURN_IF_ERROR(OperationFailure("drain", CheckDrainRequest(request)));
  if (request.cancel) {
    CDC_RETURN_IF_ERROR(OperationFailure("drain", tasks_->CancelDrain(id)));
    return OrderedJson::object();
  }
  const Result<DrainStatus> drain = tasks_->Drain(id, request.options());
  CDC_RETURN_IF_ERROR(OperationFailure("drain", drain.status()));
  return OrderedJson{{"drain", EncodeDrain(*drain)}};
}

Api::Answer Api::Retry(const Json& data) {
  return ChangeCollections("retry", TaskManager::CollectionChange::kRetry, data);
}

Api::Answer Api::SetAside(const Json& data) {
  return ChangeCollections("set_aside", TaskManager::CollectionChange::kSetAside, data);
}

Api::Answer Api::Snapshot(const Json& data) {
  return ChangeCollections("snapshot", TaskManager::CollectionChange::kCopy, data);
}

Api::Answer Api::ChangeCollections(const std::string& type,
                                   TaskManager::CollectionChange change,
                                   const Json& data) {
  ChangeRequest request;
  const auto read_more = [&](const RequestReader& reader) {
    request = ReadChangeRequest(reader, change);
  };
  CDC_ASSIGN_OR_RETURN(const std::string id, ReadTaskId(type, data, read_more));
  CDC_RETURN_IF_ERROR(OperationFailure(type, CheckChangeRequest(request)));
  CDC_RETURN_IF_ERROR(OperationFailure(
      type, tasks_->ChangeCollections(id, request.change, request.collections, request.selection)));
  return OrderedJson::object();
}

Api::Answer Api::Get(const Json& data) {
  bool present = false;
  std::string synced_at;
  const auto read_more = [&](const RequestReader& reader) {
    reader.Read("present", &present);
    reader.ReadTime("synced_at", &synced_at);
  };
  CDC_ASSIGN_OR_RETURN(const std::string id, ReadTaskId("get", data, read_more));
  if (id.empty()) {
    return OperationFailure("get", InvalidArgumentError("task_id is empty"));
  }
  const Result<TaskView> view = present ? tasks_->GetWithPresent(id) : tasks_->Get(id);
  CDC_RETURN_IF_ERROR(OperationFailure("get", view.status()));
  OrderedJson task = EncodeTask(*view, clock_->UnixMs());
  if (!synced_at.empty()) {
    const Result<Timestamp> ts = ParseSourceTime(synced_at);
    CDC_RETURN_IF_ERROR(OperationFailure("get", ts.status().WithContext("synced_at")));
    task["synced"] = EncodeSynced(*ts, MissingUpTo(*view, *ts));
  }
  return OrderedJson{{"task", std::move(task)}};
}

Api::Answer Api::List(const Json&) {
  OrderedJson list = OrderedJson::array();
  for (const TaskView& view : tasks_->List()) {
    list.push_back(EncodeTask(view, clock_->UnixMs()));
  }
  return OrderedJson{{"tasks", std::move(list)}};
}

Api::Answer Api::Position(const Json& data) {
  CDC_ASSIGN_OR_RETURN(const std::string id, ReadTaskId("position", data));
  const Result<TaskPositions> positions = tasks_->Positions(id);
  CDC_RETURN_IF_ERROR(OperationFailure("position", positions.status()));
  return EncodePositions(*positions);
}

Api::Answer Api::Maintenance(const Json& data) {
  std::vector<FieldError> errors;
  std::string operation;
  RequestReader(data, "", &errors).Read("operation", &operation);
  CDC_RETURN_IF_ERROR(DecodeFailure("maintenance", DecodeErrors(errors)));
  const Json* params = FindMember(data, "params");
  return OrderedJson{
      {"State", RunMaintenance(operation, params == nullptr ? Json::object() : *params)}};
}

}  // namespace cdc
