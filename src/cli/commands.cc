#include "cli/commands.h"

#include <algorithm>
#include <ostream>

#include <nlohmann/json.hpp>

#include "cli/create_options.h"
#include "cli/task_ids.h"
#include "cli/view/format.h"
#include "cli/view/task_text.h"

namespace cdc::cli {
namespace {

using Json = nlohmann::ordered_json;

void PrintData(const CommandContext& context, const Json& data) {
  *context.console.out << Render(context.output, data);
}

void PrintLines(const CommandContext& context, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    *context.console.out << line << "\n";
  }
}

TableLayout LayoutFor(const Console& console) {
  const std::optional<TerminalSize> terminal = console.terminal();
  return {.width = terminal ? static_cast<size_t>(terminal->columns) : 0,
          .colours = console.Colours()};
}

Result<std::vector<TaskInfo>> FetchTasks(const ApiClient& client) {
  CDC_ASSIGN_OR_RETURN(const Json data, client.Call("list", Json::object(), ApiClient::kListLimit));
  return ReadTasks(data);
}

// If missing tasks are to be ignored, an id without a task stays as it is: the server decides.
Result<std::vector<std::string>> ResolveAll(const ApiClient& client, const ChangeOptions& options) {
  CDC_ASSIGN_OR_RETURN(const std::vector<TaskInfo> tasks, FetchTasks(client));
  std::vector<std::string> ids;
  for (const std::string& text : options.ids) {
    Result<std::string> id = ResolveTaskId(text, tasks);
    if (options.ignore_not_found && id.status().code() == StatusCode::kNotFound) {
      id = text;
    }
    CDC_RETURN_IF_ERROR(id.status());
    if (std::find(ids.begin(), ids.end(), *id) == ids.end()) {
      ids.push_back(*id);
    }
  }
  return ids;
}

Result<Json> Patch(const ApiClient& client, const std::string& id, const Json& patch) {
  CDC_ASSIGN_OR_RETURN(const std::vector<TaskInfo> tasks, FetchTasks(client));
  CDC_ASSIGN_OR_RETURN(const std::string whole_id, ResolveTaskId(id, tasks));
  return client.Patch(whole_id, patch, ApiClient::kPlanLimit);
}

// Until the server lists the task, only the request has the scope.
TaskInfo Describe(const Json& request) { return ReadTask(request); }

void PrintCreated(const CommandContext& context, const std::string& id, const TaskInfo& task) {
  std::ostream& out = *context.console.out;
  const std::string scope = DescribeNames(task.scope);
  const bool everything = scope == "everything";
  const std::string excluded =
      task.excluded.empty() ? "" : ", but for " + DescribeNames(task.excluded);
  if (!context.console.terminal()) {
    out << id << "\n";
    if (everything) {
      *context.console.err << "the task covers everything: all collections of all databases"
                           << excluded << "\n";
    }
    return;
  }
  out << "created task " << id << "\n"
      << "  target  " << task.target << "\n"
      << (task.sink_mode.empty()
              ? ""
              : "  sink    " + task.sink_mode + ": " + task.sink_mode_reason + "\n")
      << "  covers  " << scope << (everything ? ": all collections of all databases" : "")
      << excluded << "\n"
      << "  follow  milvus-cdc task watch " << id << "\n";
}

// What a change of a task means for the rows of its collections.
void PrintChanges(const CommandContext& context, const Json& changes) {
  for (const Json& change : changes) {
    *context.console.out << Printable(change.value("what", "")) << " "
                         << Printable(change.value("collection", "")) << ": "
                         << Printable(change.value("rows", "")) << "\n";
  }
}

// What a change of tasks says of each of them, besides its id.
Result<Json> ChangeRequestOf(const ChangeOptions& options) {
  Json data = Json::object();
  if (options.ignore_not_found) {
    data["ignore_not_found"] = true;
  }
  if (!options.on_undecodable.empty()) {
    data["on_undecodable"] = options.on_undecodable;
  }
  if (!options.stop_at.empty()) {
    data["stop_at"] = options.stop_at;
  }
  if (!options.positions_file.empty()) {
    if (options.ids.size() > 1) {
      return InvalidArgumentError("--positions are those of one task: name one id");
    }
    CDC_ASSIGN_OR_RETURN(data["positions"], ReadRequestFile(options.positions_file));
  }
  if (options.force) {
    data["force"] = true;
  }
  return data;
}

constexpr const char* PastTense(std::string_view operation) {
  return operation == "pause" ? "paused" : operation == "resume" ? "resumed" : "deleted";
}

}  // namespace

ExitCode Report(const Console& console, const Status& status) {
  if (!status.ok()) {
    *console.err << DescribeFailure(status);
  }
  return ExitCodeOf(status);
}

ExitCode CreateTask(const CommandContext& context, const Json& request) {
  const Result<Json> data = context.client.Call("create", request, ApiClient::kOperationLimit);
  if (!data.ok()) {
    return Report(context.console, data.status().WithContext("cannot create the task"));
  }
  if (context.output != Output::kTable) {
    PrintData(context, *data);
    return ExitCode::kOk;
  }
  const Json id = data->value("task_id", Json());
  if (!id.is_string()) {
    return Report(context.console, UnavailableError(context.client.base() +
                                                    " is not a milvus-cdc server: no task_id"));
  }
  TaskInfo task = Describe(request);
  const TaskInfo answer = ReadTask(*data);
  task.sink_mode = answer.sink_mode;
  task.sink_mode_reason = answer.sink_mode_reason;
  PrintCreated(context, Printable(id.get<std::string>()), task);
  return ExitCode::kOk;
}

ExitCode ListTasks(const CommandContext& context) {
  const Result<Json> data = context.client.Call("list", Json::object(), ApiClient::kListLimit);
  if (!data.ok()) {
    return Report(context.console, data.status().WithContext("cannot list the tasks"));
  }
  if (context.output != Output::kTable) {
    PrintData(context, *data);
    return ExitCode::kOk;
  }
  PrintLines(context, FormatTaskList(ReadTasks(*data), LayoutFor(context.console)));
  return ExitCode::kOk;
}

ExitCode GetTask(const CommandContext& context, const std::string& id) {
  const std::string what = "cannot get task " + Printable(id);
  const Result<std::vector<TaskInfo>> tasks = FetchTasks(context.client);
  if (!tasks.ok()) {
    return Report(context.console, tasks.status().WithContext(what));
  }
  const Result<std::string> full = ResolveTaskId(id, *tasks);
  if (!full.ok()) {
    return Report(context.console, full.status().WithContext(what));
  }
  const Result<Json> data = context.client.Call("get", {{"task_id", *full}}, ApiClient::kListLimit);
  if (!data.ok()) {
    return Report(context.console, data.status().WithContext(what));
  }
  if (context.output != Output::kTable) {
    PrintData(context, *data);
    return ExitCode::kOk;
  }
  PrintLines(context, FormatTaskDetails(ReadTask(data->value("task", Json())),
                                        context.clock->UnixMs(), LayoutFor(context.console)));
  return ExitCode::kOk;
}

ExitCode ChangeTasks(const CommandContext& context, const ChangeOptions& options) {
  const Console& console = context.console;
  const Result<Json> request = ChangeRequestOf(options);
  if (!request.ok()) {
    return Report(console, request.status().WithContext("cannot " + options.operation));
  }
  const Result<std::vector<std::string>> ids = ResolveAll(context.client, options);
  if (!ids.ok()) {
    return Report(console, ids.status().WithContext("cannot " + options.operation));
  }
  ExitCode code = ExitCode::kOk;
  Json done = {{"task_ids", Json::array()}};
  for (const std::string& id : *ids) {
    Json data = *request;
    data["task_id"] = id;
    const Result<Json> answer =
        context.client.Call(options.operation, data, ApiClient::kOperationLimit);
    const ExitCode each = Report(
        console,
        answer.status().WithContext("cannot " + options.operation + " task " + Printable(id)));
    code = code == ExitCode::kOk ? each : code;
    if (each != ExitCode::kOk) {
      continue;
    }
    done["task_ids"].push_back(id);
    if (answer->is_object() && answer->contains("changes")) {
      done["changes"] = answer->at("changes");
    }
    if (context.output == Output::kTable) {
      PrintChanges(context, done.value("changes", Json::array()));
      *console.out << PastTense(options.operation) << " " << Printable(id) << "\n";
    }
  }
  if (context.output != Output::kTable) {
    PrintData(context, done);
  }
  return code;
}

ExitCode ChangeCollections(const CommandContext& context, const CollectionOptions& options) {
  const std::string what = "cannot change collections of task " + Printable(options.id);
  const Result<std::vector<TaskInfo>> tasks = FetchTasks(context.client);
  if (!tasks.ok()) {
    return Report(context.console, tasks.status().WithContext(what));
  }
  const Result<std::string> id = ResolveTaskId(options.id, *tasks);
  if (!id.ok()) {
    return Report(context.console, id.status().WithContext(what));
  }
  std::vector<std::string> collections = options.collections;
  if (collections.empty()) {
    const auto task = std::find_if(tasks->begin(), tasks->end(),
                                   [&](const TaskInfo& each) { return each.id == *id; });
    for (const SetAsideInfo& aside : task->set_aside) {
      collections.push_back(aside.collection);
    }
  }
  if (collections.empty()) {
    return Report(context.console,
                  FailedPreconditionError(what + ": no collection of it is set aside"));
  }
  Json data = {{"task_id", *id}, {"collections", collections}};
  if (!options.partitions.empty()) {
    data["partitions"] = options.partitions;
  }
  if (!options.filter.empty()) {
    data["filter"] = options.filter;
  }
  if (options.cancel) {
    data["cancel"] = true;
  }
  const Status status =
      context.client.Call(options.request, data, ApiClient::kOperationLimit).status();
  if (status.ok() && context.output != Output::kTable) {
    PrintData(context, {{"task_id", *id}, {"collections", collections}});
  } else if (status.ok()) {
    for (const std::string& collection : collections) {
      *context.console.out << options.request << " " << Printable(collection) << "\n";
    }
  }
  return Report(context.console, status.WithContext(what));
}

ExitCode UpdateTask(const CommandContext& context, const std::string& id, const Json& patch) {
  const Result<Json> task = Patch(context.client, id, patch);
  if (!task.ok()) {
    return Report(context.console,
                  task.status().WithContext("cannot change task " + Printable(id)));
  }
  if (context.output != Output::kTable) {
    PrintData(context, *task);
    return ExitCode::kOk;
  }
  std::ostream& out = *context.console.out;
  PrintChanges(context, task->value("changes", Json::array()));
  out << "task " << Printable(task->value("task_id", id)) << " is changed\n";
  return ExitCode::kOk;
}

}  // namespace cdc::cli
