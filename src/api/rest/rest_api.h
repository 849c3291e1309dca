#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "api/create_request.h"
#include "api/metrics.h"
#include "base/clock.h"
#include "control/task_manager.h"
#include "http/http_server.h"
#include "http/message.h"

namespace cdc {

struct RestRequest;

struct RestOptions {
  TaskManager* tasks = nullptr;
  Metrics* metrics = nullptr;
  CreateLimits limits;
  std::string version;
  const Clock* clock = &Clock::Real();
};

// Tasks as resources, below /api/v1: what POST /cdc does, with the methods, status codes and
// headers of HTTP. openapi.json describes it. Errors are problems (RFC 9457). Bodies are read
// strictly: a field that is unknown or of another type is an error. Thread-safe. The objects in the
// options must outlive it.
class RestApi {
 public:
  explicit RestApi(RestOptions options) : options_(std::move(options)) {}

  // `request.path` is /api/v1 or below it.
  HttpAnswer Handle(const HttpRequest& request);

  // Whether the request waits for a target: a create, its plan or a patch, for up to its
  // connect_timeout.
  static bool MayTakeLong(const HttpRequest& request);

 private:
  struct Operation;
  // Why a request is not executed any further.
  using Refusal = std::optional<HttpAnswer>;

  static std::span<const Operation> Operations();
  HttpAnswer Execute(const Operation& operation, RestRequest* request);

  HttpAnswer ListTasks(const RestRequest& request);
  HttpAnswer CreateTask(const RestRequest& request);
  HttpAnswer PlanTask(const RestRequest& request);
  HttpAnswer PutTask(const RestRequest& request);
  HttpAnswer PatchTask(const RestRequest& request);
  HttpAnswer GetTask(const RestRequest& request);
  HttpAnswer DeleteTask(const RestRequest& request);
  HttpAnswer Pause(const RestRequest& request);
  HttpAnswer Resume(const RestRequest& request);
  HttpAnswer Drain(const RestRequest& request);
  HttpAnswer Snapshot(const RestRequest& request);
  HttpAnswer Retry(const RestRequest& request);
  HttpAnswer SetAside(const RestRequest& request);
  HttpAnswer Positions(const RestRequest& request);
  HttpAnswer Events(const RestRequest& request);
  HttpAnswer Version(const RestRequest& request);
  HttpAnswer OpenApi(const RestRequest& request);

  // Reads the body of a create. `id` is that of the path; empty: the body may have one.
  Refusal ReadSpec(const RestRequest& request, const std::string& id, TaskSpec* spec) const;
  // Merges the body of a PATCH into `spec`.
  Refusal ReadPatch(const RestRequest& request, TaskSpec* spec) const;
  HttpAnswer ChangeCollections(const RestRequest& request, TaskManager::CollectionChange change);
  // Whether If-Match allows a change of the task now.
  Refusal CheckIfMatch(const RestRequest& request);
  static Refusal CheckIfMatch(const RestRequest& request, const TaskView& view);
  HttpAnswer AnswerExisting(const TaskView& existing, const TaskSpec& wanted) const;
  // The task as it is after a change.
  HttpAnswer ShowTask(const std::string& id, int status = 200);
  HttpAnswer Show(const TaskView& view, int status = 200) const;
  // With what the change means for the rows of collections.
  HttpAnswer ShowChanged(const TaskView& view, const std::vector<ScopeNote>& notes) const;
  HttpAnswer ShowSynced(const TaskView& view, const std::string& time) const;

  const RestOptions options_;
};

// The route of all paths below /api/v1. `api` must outlive it.
HttpRoute RestRoute(RestApi* api);

}  // namespace cdc
