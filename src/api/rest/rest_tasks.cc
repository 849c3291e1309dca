// What the paths of tasks do.
#include <charconv>
#include <cstdint>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/change_request.h"
#include "api/drain_request.h"
#include "api/plan_json.h"
#include "api/rest/entity_tag.h"
#include "api/rest/openapi_document.h"
#include "api/rest/problem.h"
#include "api/rest/rest_api.h"
#include "api/rest/rest_request.h"
#include "api/rest/task_query.h"
#include "api/resume_request.h"
#include "api/task_json.h"
#include "control/drain_goal.h"
#include "metastore/task_spec_json.h"
#include "model/source_time.h"

namespace cdc {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr size_t kMaxIdLength = 128;
constexpr std::string_view kIdCharacters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~-";

// An id is a segment of a path; clients take "." and ".." off it.
bool IsId(std::string_view id) {
  return !id.empty() && id.size() <= kMaxIdLength && id != "." && id != ".." &&
         id.find_first_not_of(kIdCharacters) == std::string_view::npos;
}

std::string LocationOf(const std::string& id) {
  return std::string(kRestPath) + "/tasks/" + EncodePathSegment(id);
}

HttpAnswer WrongField(const std::string& field, const std::string& message) {
  return ProblemAnswer(422, field + ": " + message, {{field, message}});
}

// Whether `wanted`, as a request has it, is the definition of the task that is stored.
bool IsDefinitionOf(const TaskSpec& stored, TaskSpec wanted) {
  // What the create has decided.
  wanted.id = stored.id;
  wanted.target_identity = stored.target_identity;
  wanted.left_to_older = stored.left_to_older;
  wanted.sink_mode_reason = stored.sink_mode_reason;
  if (wanted.sink_mode == SinkMode::kAuto) {
    wanted.sink_mode = stored.sink_mode;
  }
  // What a resume may have changed.
  wanted.on_undecodable = stored.on_undecodable;
  wanted.stop_at = stored.stop_at;
  // Whoever could compare credentials could guess them.
  wanted.target.token = stored.target.token;
  wanted.target.username = stored.target.username;
  wanted.target.password = stored.target.password;
  return EncodeTaskSpec(wanted) == EncodeTaskSpec(stored);
}

}  // namespace

HttpAnswer RestApi::Show(const TaskView& view, int status) const {
  HttpAnswer answer = RestAnswer(EncodeTask(view, options_.clock->UnixMs()), status);
  answer.headers.push_back({"ETag", EntityTag(view)});
  return answer;
}

HttpAnswer RestApi::ShowTask(const std::string& id, int status) {
  const Result<TaskView> view = options_.tasks->Get(id);
  return view.ok() ? Show(*view, status) : ProblemOf(view.status());
}

RestApi::Refusal RestApi::CheckIfMatch(const RestRequest& request) {
  if (request.http.HeaderOf("If-Match").empty()) {
    return std::nullopt;
  }
  const Result<TaskView> view = options_.tasks->Get(request.id);
  return view.ok() ? CheckIfMatch(request, *view) : ProblemOf(view.status());
}

RestApi::Refusal RestApi::CheckIfMatch(const RestRequest& request, const TaskView& view) {
  const std::string expected = request.http.HeaderOf("If-Match");
  if (!expected.empty() && !NamesTag(expected, EntityTag(view))) {
    return ProblemAnswer(
        412,
        "the task has changed since: get it again, and repeat the request with its "
        "ETag if it is still wanted");
  }
  return std::nullopt;
}

HttpAnswer RestApi::ListTasks(const RestRequest& request) {
  std::vector<FieldError> errors;
  const TaskQuery query = ReadTaskQuery(request.query, &errors);
  if (!errors.empty()) {
    return ProblemAnswer(400, "the query has wrong parameters, see errors", errors);
  }
  const TaskPage page = FindTasks(options_.tasks->List(), query);
  OrderedJson tasks = OrderedJson::array();
  for (const TaskView& view : page.tasks) {
    tasks.push_back(EncodeTask(view, options_.clock->UnixMs()));
  }
  OrderedJson answer = {{"tasks", std::move(tasks)}};
  if (!page.next_token.empty()) {
    answer["next_page_token"] = page.next_token;
  }
  return RestAnswer(answer);
}

RestApi::Refusal RestApi::ReadSpec(const RestRequest& request,
                                   const std::string& id,
                                   TaskSpec* spec) const {
  CreateRequest create;
  if (Refusal refusal = request.ReadBody(
          [&create](const RequestReader& reader) { create = ReadCreateRequest(reader); })) {
    return refusal;
  }
  std::string& given = create.spec.id;
  if (!id.empty() && !given.empty() && given != id) {
    return WrongField("task_id", "is not that of the path: leave it out");
  }
  given = id.empty() ? given : id;
  if (!given.empty() && !IsId(given)) {
    return WrongField("task_id", "must be at most " + std::to_string(kMaxIdLength) +
                                     " letters, digits and . _ ~ -");
  }
  std::string field;
  Result<TaskSpec> valid = ValidateCreate(create, options_.limits, &field);
  if (!valid.ok()) {
    return ProblemAnswer(422, valid.status().message(), {{field, valid.status().message()}});
  }
  *spec = *std::move(valid);
  return std::nullopt;
}

HttpAnswer RestApi::CreateTask(const RestRequest& request) {
  TaskSpec spec;
  if (Refusal refusal = ReadSpec(request, "", &spec)) {
    return *std::move(refusal);
  }
  const auto exists = [](const std::string& id) {
    return ProblemAnswer(
        409, "task " + id + " exists: PUT " + LocationOf(id) + " creates it only if it does not");
  };
  if (!spec.id.empty() && options_.tasks->Get(spec.id).ok()) {
    return exists(spec.id);
  }
  const Result<TaskManager::Created> created = options_.tasks->Create(std::move(spec));
  if (!created.ok()) {
    return ProblemOf(created.status());
  }
  if (created->existed) {
    return exists(created->id);
  }
  HttpAnswer answer = ShowTask(created->id, 201);
  answer.headers.push_back({"Location", LocationOf(created->id)});
  return answer;
}

HttpAnswer RestApi::PlanTask(const RestRequest& request) {
  TaskSpec spec;
  if (Refusal refusal = ReadSpec(request, "", &spec)) {
    return *std::move(refusal);
  }
  return RestAnswer(EncodePlan(options_.tasks->Plan(std::move(spec))));
}

HttpAnswer RestApi::PutTask(const RestRequest& request) {
  TaskSpec spec;
  if (Refusal refusal = ReadSpec(request, request.id, &spec)) {
    return *std::move(refusal);
  }
  if (!request.http.HeaderOf("If-Match").empty()) {
    // It is for a change of a task, and this is none.
    return ProblemAnswer(412, "a PUT creates a task, and never changes one: leave If-Match out");
  }
  // Without a look at the target: a client that repeats its request needs none.
  if (const Result<TaskView> existing = options_.tasks->Get(request.id); existing.ok()) {
    return AnswerExisting(*existing, spec);
  }
  const Result<TaskManager::Created> created = options_.tasks->Create(spec);
  if (!created.ok()) {
    return ProblemOf(created.status());
  }
  const Result<TaskView> view = options_.tasks->Get(request.id);
  if (!view.ok()) {
    return ProblemOf(view.status());
  }
  if (created->existed) {
    return AnswerExisting(*view, spec);
  }
  HttpAnswer answer = Show(*view, 201);
  answer.headers.push_back({"Location", LocationOf(request.id)});
  return answer;
}

HttpAnswer RestApi::AnswerExisting(const TaskView& existing, const TaskSpec& wanted) const {
  if (!IsDefinitionOf(existing.record.spec, wanted)) {
    return ProblemAnswer(409, "task " + wanted.id +
                                  " exists with another definition: delete it, or choose another "
                                  "id");
  }
  return Show(existing);
}

HttpAnswer RestApi::GetTask(const RestRequest& request) {
  const auto present = request.query.find("present");
  if (present != request.query.end() && present->second != "true" && present->second != "false") {
    return ProblemAnswer(400, "the query has wrong parameters, see errors",
                         {{"present", "can be one of true, false"}});
  }
  const bool with_present = present != request.query.end() && present->second == "true";
  const Result<TaskView> view =
      with_present ? options_.tasks->GetWithPresent(request.id) : options_.tasks->Get(request.id);
  if (!view.ok()) {
    return ProblemOf(view.status());
  }
  if (const auto time = request.query.find("synced_at"); time != request.query.end()) {
    return ShowSynced(*view, time->second);
  }
  if (NamesTag(request.http.HeaderOf("If-None-Match"), EntityTag(*view))) {
    return {.status = 304, .headers = {{"ETag", EntityTag(*view)}}};
  }
  return Show(*view);
}

HttpAnswer RestApi::ShowChanged(const TaskView& view, const std::vector<ScopeNote>& notes) const {
  OrderedJson task = EncodeTask(view, options_.clock->UnixMs());
  task["changes"] = EncodeScopeNotes(notes);
  HttpAnswer answer = RestAnswer(task);
  answer.headers.push_back({"ETag", EntityTag(view)});
  return answer;
}

// Never 304: how far the task has got is no part of the ETag.
HttpAnswer RestApi::ShowSynced(const TaskView& view, const std::string& time) const {
  const Result<Timestamp> ts = ParseSourceTime(time);
  if (!ts.ok()) {
    return ProblemAnswer(400, "the query has wrong parameters, see errors",
                         {{"synced_at", ts.status().message()}});
  }
  OrderedJson task = EncodeTask(view, options_.clock->UnixMs());
  task["synced"] = EncodeSynced(*ts, MissingUpTo(view, *ts));
  HttpAnswer answer = RestAnswer(task);
  answer.headers.push_back({"ETag", EntityTag(view)});
  return answer;
}

HttpAnswer RestApi::DeleteTask(const RestRequest& request) {
  if (Refusal refusal = CheckIfMatch(request)) {
    return *std::move(refusal);
  }
  const Status deleted = options_.tasks->Delete(request.id, false);
  return deleted.ok() ? HttpAnswer{.status = 204} : ProblemOf(deleted);
}

HttpAnswer RestApi::Pause(const RestRequest& request) {
  if (Refusal refusal = request.ReadBody([](const RequestReader&) {})) {
    return *std::move(refusal);
  }
  if (Refusal refusal = CheckIfMatch(request)) {
    return *std::move(refusal);
  }
  const Status paused = options_.tasks->Pause(request.id);
  return paused.ok() ? ShowTask(request.id) : ProblemOf(paused);
}

HttpAnswer RestApi::Resume(const RestRequest& request) {
  ResumeRequest wanted;
  if (Refusal refusal = request.ReadBody(
          [&wanted](const RequestReader& reader) { wanted = ReadResumeRequest(reader); })) {
    return *std::move(refusal);
  }
  std::string field;
  const Result<ResumeOptions> options = ValidateResume(wanted, &field);
  if (!options.ok()) {
    return WrongField(field, options.status().message());
  }
  if (Refusal refusal = CheckIfMatch(request)) {
    return *std::move(refusal);
  }
  const Result<std::vector<ScopeNote>> notes = options_.tasks->Resume(request.id, *options);
  if (!notes.ok()) {
    return ProblemOf(notes.status());
  }
  if (notes->empty()) {
    return ShowTask(request.id);
  }
  const Result<TaskView> view = options_.tasks->Get(request.id);
  return view.ok() ? ShowChanged(*view, *notes) : ProblemOf(view.status());
}

HttpAnswer RestApi::Drain(const RestRequest& request) {
  DrainRequest wanted;
  if (Refusal refusal = request.ReadBody(
          [&wanted](const RequestReader& reader) { wanted = ReadDrainRequest(reader); })) {
    return *std::move(refusal);
  }
  if (const Status valid = CheckDrainRequest(wanted); !valid.ok()) {
    return WrongField("timeout_ms", valid.message());
  }
  if (Refusal refusal = CheckIfMatch(request)) {
    return *std::move(refusal);
  }
  const Status status = wanted.cancel
                            ? options_.tasks->CancelDrain(request.id)
                            : options_.tasks->Drain(request.id, wanted.options()).status();
  return status.ok() ? ShowTask(request.id, wanted.cancel ? 200 : 202) : ProblemOf(status);
}

HttpAnswer RestApi::Snapshot(const RestRequest& request) {
  return ChangeCollections(request, TaskManager::CollectionChange::kCopy);
}

HttpAnswer RestApi::Retry(const RestRequest& request) {
  return ChangeCollections(request, TaskManager::CollectionChange::kRetry);
}

HttpAnswer RestApi::SetAside(const RestRequest& request) {
  return ChangeCollections(request, TaskManager::CollectionChange::kSetAside);
}

HttpAnswer RestApi::ChangeCollections(const RestRequest& request,
                                      TaskManager::CollectionChange change) {
  ChangeRequest wanted;
  if (Refusal refusal = request.ReadBody(
          [&](const RequestReader& reader) { wanted = ReadChangeRequest(reader, change); })) {
    return *std::move(refusal);
  }
  if (const Status valid = CheckChangeRequest(wanted); !valid.ok()) {
    return ProblemOf(valid);
  }
  if (Refusal refusal = CheckIfMatch(request)) {
    return *std::move(refusal);
  }
  const Status changed = options_.tasks->ChangeCollections(request.id, wanted.change,
                                                           wanted.collections, wanted.selection);
  // A copy has only begun.
  const int status = wanted.change == TaskManager::CollectionChange::kCopy ? 202 : 200;
  return changed.ok() ? ShowTask(request.id, status) : ProblemOf(changed);
}

HttpAnswer RestApi::Positions(const RestRequest& request) {
  if (const Result<TaskView> view = options_.tasks->Get(request.id); !view.ok()) {
    return ProblemOf(view.status());
  }
  const Result<TaskPositions> positions = options_.tasks->Positions(request.id);
  if (!positions.ok()) {
    return ProblemOf(positions.status());
  }
  OrderedJson lists = EncodePositions(*positions);
  const auto list_of = [&lists](const char* name) {
    OrderedJson& list = lists[name];
    return list.is_null() ? OrderedJson::array() : std::move(list);
  };
  return RestAnswer({{"positions", list_of("positions")},
                     {"last_rows", list_of("op_positions")},
                     {"target_last_rows", list_of("target_positions")}});
}

HttpAnswer RestApi::Events(const RestRequest& request) {
  uint64_t after = 0;
  if (const auto found = request.query.find("after"); found != request.query.end()) {
    const std::string& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), after);
    if (error != std::errc() || end != text.data() + text.size()) {
      return ProblemAnswer(400, "the query has wrong values, see errors",
                           {{"after", "must be the number of an event"}});
    }
  }
  const Result<std::vector<TaskEvent>> events = options_.tasks->Events(request.id, after);
  return events.ok() ? RestAnswer(EncodeEvents(*events)) : ProblemOf(events.status());
}

HttpAnswer RestApi::Version(const RestRequest&) {
  return RestAnswer({{"version", options_.version}});
}

HttpAnswer RestApi::OpenApi(const RestRequest&) {
  return {.content_type = "application/json", .body = std::string(OpenApiDocument())};
}

}  // namespace cdc
