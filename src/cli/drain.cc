#include "cli/drain.h"

#include <algorithm>
#include <ostream>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/thread.h"
#include "cli/task_ids.h"
#include "cli/view/drain_view.h"
#include "cli/view/format.h"
#include "cli/view/json_reading.h"
#include "cli/view/task_info.h"

namespace cdc::cli {
namespace {

using Json = nlohmann::ordered_json;

class Drainer {
 public:
  Drainer(const CommandContext& context, const DrainOptions& options, const std::stop_token& stop)
      : context_(context), options_(options), stop_(stop), begin_(context.clock->Now()) {}

  Status Run() {
    CDC_ASSIGN_OR_RETURN(const Json list, context_.client.Call("list", Json::object(),
                                                               ApiClient::kListLimit, stop_));
    CDC_ASSIGN_OR_RETURN(id_, ResolveTaskId(options_.id, ReadTasks(list)));
    Status status = Begin();
    if (status.ok()) {
      status = WaitForTheEnd();
    }
    if (status.code() == StatusCode::kCancelled) {
      return Cancel();
    }
    CDC_RETURN_IF_ERROR(status);
    Show();
    return OkStatus();
  }

  // For a program that reads it: the goal and what is missing.
  void ShowFailure() const {
    if (context_.output != Output::kTable && drain_.until_ts != 0) {
      Print({{"task_id", id_},
             {"drained", false},
             {"ts", drain_.until_ts},
             {"time_ms", drain_.UntilUnixMs()},
             {"missing", drain_.missing}});
    }
  }

 private:
  void Print(const Json& json) const { *context_.console.out << Render(context_.output, json); }

  std::chrono::milliseconds TimeLeft() const {
    const auto spent =
        std::chrono::duration_cast<std::chrono::milliseconds>(context_.clock->Now() - begin_);
    return std::max(options_.timeout - spent, std::chrono::milliseconds(0));
  }

  Status Begin() {
    const Json request = {{"task_id", id_},
                          {"timeout_ms", TimeLeft().count()},
                          {"accept_waiting", options_.accept_waiting}};
    const Result<Json> answer =
        context_.client.Call("drain", request, ApiClient::kOperationLimit, stop_);
    if (answer.status().message().starts_with("invalid 'request_type' param")) {
      return FailedPreconditionError("the server is older than this program and cannot drain");
    }
    CDC_RETURN_IF_ERROR(answer.status());
    drain_ = ReadDrain(Member(*answer, "drain"));
    return OkStatus();
  }

  Status WaitForTheEnd() {
    while (true) {
      CDC_RETURN_IF_ERROR(Look());
      if (!drain_.IsUnderWay()) {
        return Outcome();
      }
      ShowProgress();
      if (!Pause(options_.interval, stop_)) {
        return CancelledError("interrupted");
      }
    }
  }

  // One status request. A server that goes away is awaited.
  Status Look() {
    const Status looked = ReadStatus();
    if (looked.code() != StatusCode::kUnavailable) {
      return looked;
    }
    drain_.missing = {looked.message()};
    if (TimeLeft().count() > 0) {
      return OkStatus();
    }
    return DeadlineExceededError("not drained within " + FormatDuration(options_.timeout.count()) +
                                 "; missing: " + looked.message());
  }

  Status ReadStatus() {
    CDC_ASSIGN_OR_RETURN(const Json answer, context_.client.Call("get", {{"task_id", id_}},
                                                                 ApiClient::kListLimit, stop_));
    task_ = Member(answer, "task");
    DrainView drain = ReadDrain(Member(task_, "drain"));
    // A server that was restarted knows nothing of it. A later goal is another client's drain,
    // which includes this one.
    if (drain.phase.empty() || drain.until_ts < drain_.until_ts) {
      return Begin();
    }
    drain_ = std::move(drain);
    return OkStatus();
  }

  Status Outcome() const {
    if (drain_.phase == "timed_out") {
      return DeadlineExceededError(drain_.reason);
    }
    if (drain_.phase == "cancelled") {
      return FailedPreconditionError("somebody has cancelled it, the task is left running");
    }
    if (drain_.phase != "done") {
      return FailedPreconditionError(drain_.reason);
    }
    if (Text(task_, "state") != "Paused") {
      return FailedPreconditionError(
          "everything is on the target, but somebody has resumed the task");
    }
    return OkStatus();
  }

  // Without the stop token, which has been asked to stop.
  Status Cancel() const {
    const Status cancelled =
        context_.client.Call("drain", {{"task_id", id_}, {"cancel", true}}, ApiClient::kListLimit)
            .status();
    return CancelledError(cancelled.ok()
                              ? "interrupted, the task is left running"
                              : "interrupted, but nothing was cancelled: " + cancelled.message());
  }

  // Prints a line when there is something new, at most one per second.
  void ShowProgress() {
    if ((!options_.verbose && !context_.console.terminal()) || drain_.missing.empty()) {
      return;
    }
    const Clock::TimePoint now = context_.clock->Now();
    if (now < progress_after_ || drain_.missing.front() == shown_) {
      return;
    }
    progress_after_ = now + std::chrono::seconds(1);
    shown_ = drain_.missing.front();
    *context_.console.err << "waiting for " << FormatHybrid(drain_.until_ts) << ": " << shown_;
    if (drain_.missing.size() > 1) {
      *context_.console.err << "; and " << drain_.missing.size() - 1 << " more";
    }
    *context_.console.err << "\n" << std::flush;
  }

  void Show() const {
    if (context_.output != Output::kTable) {
      ShowJson();
    } else {
      *context_.console.out << "drained task " << id_ << ", now paused\n"
                            << "  up to    " << FormatHybrid(drain_.until_ts) << "\n"
                            << "  rows     " << FormatCount(drain_.rows_written)
                            << " written since the server was started\n"
                            << "  channels " << drain_.channels
                            << ", read and acknowledged up to it\n"
                            << "  catalog  revision " << drain_.catalog_revision
                            << ", all of it on the target\n"
                            << std::flush;
    }
    if (!drain_.left.empty()) {
      *context_.console.err << (drain_.idle ? "milvus-cdc: there was nothing to drain: "
                                            : "milvus-cdc: left as it is: ")
                            << drain_.left << "\n";
    }
    if (drain_.rows_above > 0) {
      *context_.console.err << "milvus-cdc: the source is still written to: at least "
                            << FormatCount(drain_.rows_above)
                            << " rows came above this time, and not all of such rows are on the "
                               "target\n  hint: stop the writers, `milvus-cdc task resume "
                            << id_ << "` and drain again\n";
    }
  }

  void ShowJson() const {
    const Json& checkpoint = Member(task_, "checkpoint");
    Print({{"task_id", id_},
           {"drained", true},
           {"ts", drain_.until_ts},
           {"time_ms", drain_.UntilUnixMs()},
           {"time", FormatTime(drain_.UntilUnixMs())},
           {"catalog_revision", drain_.catalog_revision},
           {"rows_written", drain_.rows_written},
           {"rows_above", drain_.rows_above},
           {"checkpoint", checkpoint.is_array() ? checkpoint : Json::array()}});
  }

  const CommandContext& context_;
  const DrainOptions& options_;
  const std::stop_token& stop_;
  const Clock::TimePoint begin_;
  std::string id_;
  DrainView drain_;  // as the server described it last
  Json task_;        // likewise
  Clock::TimePoint progress_after_;
  std::string shown_;
};

}  // namespace

ExitCode Drain(const CommandContext& context,
               const DrainOptions& options,
               const std::stop_token& stop) {
  Drainer drainer(context, options, stop);
  const Status status = drainer.Run();
  if (!status.ok()) {
    drainer.ShowFailure();
  }
  return Report(context.console, status.WithContext("cannot drain " + Printable(options.id)));
}

}  // namespace cdc::cli
