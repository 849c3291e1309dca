#include "cli/watch.h"

#include <algorithm>
#include <ostream>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/thread.h"
#include "cli/task_ids.h"
#include "cli/view/format.h"
#include "cli/view/watch_view.h"

namespace cdc::cli {
namespace {

using Json = nlohmann::ordered_json;

class Watcher {
 public:
  Watcher(const CommandContext& context, const WatchOptions& options)
      : context_(context), options_(options), screen_(context.console.out) {
    frame_.server = context.client.base();
    frame_.verbose = options.verbose;
  }

  ExitCode Run(const std::stop_token& stop) {
    while (true) {
      const Clock::TimePoint begin = context_.clock->Now();
      const Result<bool> done = Round(stop);
      if (done.status().code() == StatusCode::kCancelled) {
        return Interrupted();
      }
      if (!done.ok()) {
        return Report(context_.console, done.status());
      }
      // The output fails when the reader of a pipe has gone.
      if (*done || !context_.console.out->good()) {
        return ExitCode::kOk;
      }
      const auto spent =
          std::chrono::duration_cast<std::chrono::milliseconds>(context_.clock->Now() - begin);
      if (!Pause(std::max(options_.interval - spent, std::chrono::milliseconds(0)), stop)) {
        return Interrupted();
      }
    }
  }

 private:
  // Requests the tasks once and shows them; returns whether to end.
  Result<bool> Round(const std::stop_token& stop) {
    const Result<Json> data =
        context_.client.Call("list", Json::object(), ApiClient::kListLimit, stop);
    frame_.now_unix_ms = context_.clock->UnixMs();
    if (!data.ok()) {
      // A server that restarts comes back.
      if (first_ || data.status().code() != StatusCode::kUnavailable) {
        return data.status().WithContext("cannot watch");
      }
      ShowProblem(data.status().message() + "; trying again");
      return false;
    }
    frame_.problem.clear();
    CDC_RETURN_IF_ERROR(Take(*data));
    first_ = false;
    Show(*data);
    return CaughtUp();
  }

  // The first answer determines which tasks are watched.
  Status Resolve(const std::vector<TaskInfo>& tasks) {
    for (const std::string& text : options_.ids) {
      CDC_ASSIGN_OR_RETURN(std::string id, ResolveTaskId(text, tasks));
      ids_.push_back(std::move(id));
    }
    if (options_.until_caught_up_ms && tasks.empty()) {
      return NotFoundError("there is no task that could catch up");
    }
    return OkStatus();
  }

  bool IsWatched(const std::string& id) const {
    return ids_.empty() || std::find(ids_.begin(), ids_.end(), id) != ids_.end();
  }

  Status Take(const Json& data) {
    std::vector<TaskInfo> tasks = ReadTasks(data);
    if (first_) {
      CDC_RETURN_IF_ERROR(Resolve(tasks));
    }
    for (const std::string& id : ids_) {
      if (std::none_of(tasks.begin(), tasks.end(),
                       [&id](const TaskInfo& task) { return task.id == id; })) {
        return NotFoundError("task " + id + " was deleted");
      }
    }
    frame_.tasks.clear();
    for (TaskInfo& task : tasks) {
      if (IsWatched(task.id)) {
        const std::optional<Rates> rates = meter_.Update(task, context_.clock->Now());
        frame_.tasks.push_back({std::move(task), rates});
      }
    }
    return OkStatus();
  }

  Result<bool> CaughtUp() const {
    if (!options_.until_caught_up_ms || frame_.tasks.empty()) {
      return false;
    }
    bool all = true;
    for (const WatchedTask& task : frame_.tasks) {
      if (task.info.state == "Paused") {
        return FailedPreconditionError("task " + task.info.id + " is paused and cannot catch up" +
                                       (task.info.reason.empty() ? "" : ": ") + task.info.reason);
      }
      all = all && IsCaughtUp(task.info, *options_.until_caught_up_ms);
    }
    return all;
  }

  void Show(const Json& data) {
    if (context_.output != Output::kTable) {
      Json watched = Json::array();
      for (const Json& task : data.value("tasks", Json::array())) {
        if (IsWatched(ReadTask(task).id)) {
          watched.push_back(task);
        }
      }
      const Json line = {{"time_ms", frame_.now_unix_ms}, {"tasks", std::move(watched)}};
      *context_.console.out << RenderOneOfMany(context_.output, line) << std::flush;
      return;
    }
    if (Redraw()) {
      return;
    }
    for (const std::string& line : FormatFrame(frame_)) {
      *context_.console.out << line << "\n";
    }
    *context_.console.out << std::flush;
  }

  void ShowProblem(const std::string& problem) {
    const bool news = frame_.problem != problem;
    frame_.problem = problem;
    for (WatchedTask& task : frame_.tasks) {
      task.rates.reset();
    }
    if ((context_.output != Output::kTable || !Redraw()) && news) {
      *context_.console.err << "milvus-cdc: " << problem << "\n" << std::flush;
    }
  }

  // False if there is no terminal to draw on.
  bool Redraw() {
    const std::optional<TerminalSize> size = context_.console.terminal();
    if (!size) {
      return false;
    }
    screen_.Draw(DrawFrame(frame_, *size, context_.console.Colours()));
    return true;
  }

  ExitCode Interrupted() const {
    return options_.until_caught_up_ms ? ExitCode::kInterrupted : ExitCode::kOk;
  }

  const CommandContext& context_;
  const WatchOptions& options_;
  bool first_ = true;
  std::vector<std::string> ids_;  // none: all tasks
  RateMeter meter_;
  WatchFrame frame_;
  LiveScreen screen_;
};

}  // namespace

ExitCode Watch(const CommandContext& context,
               const WatchOptions& options,
               const std::stop_token& stop) {
  return Watcher(context, options).Run(stop);
}

}  // namespace cdc::cli
