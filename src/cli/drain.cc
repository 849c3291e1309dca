#include "cli/drain.h"

#include <algorithm>
#include <ostream>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/thread.h"
#include "cli/task_ids.h"
#include "cli/view/drain_view.h"
#include "cli/view/format.h"
#include "cli/view/task_info.h"

namespace cdc::cli {
namespace {

using Json = nlohmann::ordered_json;

class Drainer {
 public:
  Drainer(const CommandContext& context, const DrainOptions& options, const std::stop_token& stop)
      : context_(context), options_(options), stop_(stop), begin_(context.clock->Now()) {}

  Status Run() {
    CDC_RETURN_IF_ERROR(Begin());
    CDC_RETURN_IF_ERROR(WaitUntilThere());
    CDC_RETURN_IF_ERROR(PauseTask());
    Show();
    return OkStatus();
  }

  // For a caller that reads JSON: the goal and what is missing.
  void ShowFailure() const {
    if (context_.output == Output::kJson && goal_.ts != 0) {
      Print({{"task_id", id_},
             {"drained", false},
             {"ts", goal_.ts},
             {"time_ms", goal_.UnixMs()},
             {"missing", missing_}});
    }
  }

 private:
  void Print(const Json& json) const {
    *context_.console.out << json.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  }

  Result<DrainView> Look(bool present) {
    Json data = {{"task_id", id_}};
    if (present) {
      data["present"] = true;
    }
    const auto limit = present ? ApiClient::kOperationLimit : ApiClient::kListLimit;
    CDC_ASSIGN_OR_RETURN(const Json answer, context_.client.Call("get", data, limit, stop_));
    return ReadDrainView(answer.value("task", Json()));
  }

  Status CheckRuns(const DrainView& view) const {
    if (view.condition == "failed") {
      return FailedPreconditionError("the task has failed: " + view.reason);
    }
    if (view.state == "Running") {
      return OkStatus();
    }
    const std::string reason = view.reason.empty() ? "" : " (" + view.reason + ")";
    return FailedPreconditionError(
        "the task is not running, it is " + (view.state.empty() ? "unknown" : view.state) + reason +
        "; on the target is everything up to " + FormatHybrid(OldestCheckpoint(view)) +
        "; to have the rest, `milvus-cdc task resume " + id_ + "` and drain again");
  }

  // The advice for a source that does not come back.
  std::string HowToForce(const DrainView& view) const {
    return "; if the source is gone for good, `milvus-cdc task pause " + id_ +
           "` ends it: on the target is everything up to " + FormatHybrid(OldestCheckpoint(view));
  }

  Status Begin() {
    CDC_ASSIGN_OR_RETURN(const Json list, context_.client.Call("list", Json::object(),
                                                               ApiClient::kListLimit, stop_));
    CDC_ASSIGN_OR_RETURN(id_, ResolveTaskId(options_.id, ReadTasks(list)));
    // Without the present first: if the source is dead, the advice still needs the checkpoints.
    CDC_ASSIGN_OR_RETURN(const DrainView before, Look(false));
    CDC_RETURN_IF_ERROR(CheckRuns(before));
    const Result<DrainView> view = Look(true);
    if (view.status().code() == StatusCode::kFailedPrecondition) {
      return FailedPreconditionError(
          "the source does not tell where it is: " + view.status().message() + HowToForce(before));
    }
    CDC_RETURN_IF_ERROR(view.status());
    if (!view->present || view->present->ts == 0) {
      return FailedPreconditionError("the server is older than this program and cannot drain");
    }
    goal_ = *view->present;
    return OkStatus();
  }

  // One status request; true: everything is there.
  Result<bool> Round() {
    const Result<DrainView> view = Look(false);
    if (view.status().code() == StatusCode::kUnavailable) {
      missing_ = {view.status().message()};  // a server that restarts comes back
      return false;
    }
    CDC_RETURN_IF_ERROR(view.status());
    CDC_RETURN_IF_ERROR(CheckRuns(*view));
    missing_ = MissingFor(*view, goal_, options_.accept_waiting);
    if (missing_.empty()) {
      reached_ = *view;
      return true;
    }
    const DrainView::Channel* stalled = FindStalled(*view, goal_);
    force_ = stalled == nullptr ? "" : HowToForce(*view);
    if (stalled != nullptr && view->condition == "ok") {
      return FailedPreconditionError("the source stands still: channel " + stalled->name +
                                     " had its last tick " + FormatDuration(*stalled->tick_age_ms) +
                                     " ago; the task is left running" + HowToForce(*view));
    }
    return false;
  }

  Status WaitUntilThere() {
    while (true) {
      CDC_ASSIGN_OR_RETURN(const bool there, Round());
      if (there) {
        return OkStatus();
      }
      if (context_.clock->Now() - begin_ >= options_.timeout) {
        return DeadlineExceededError("not drained within " +
                                     FormatDuration(options_.timeout.count()) +
                                     ", the task is left running; missing: " + Missing() + force_);
      }
      ShowProgress();
      if (!Pause(options_.interval, stop_)) {
        return CancelledError("interrupted, the task is left running");
      }
    }
  }

  std::string Missing() const {
    constexpr size_t kNamed = 3;
    std::string text;
    for (size_t i = 0; i < missing_.size() && i < kNamed; ++i) {
      text += (i == 0 ? "" : "; ") + missing_[i];
    }
    if (missing_.size() > kNamed) {
      text += "; and " + std::to_string(missing_.size() - kNamed) + " more";
    }
    return text;
  }

  // Prints a line when there is something new, at most one per second.
  void ShowProgress() {
    if (!options_.verbose && !context_.console.terminal()) {
      return;
    }
    const Clock::TimePoint now = context_.clock->Now();
    if (now < progress_after_ || missing_.front() == shown_) {
      return;
    }
    progress_after_ = now + std::chrono::seconds(1);
    shown_ = missing_.front();
    *context_.console.err << "waiting for " << FormatHybrid(goal_.ts) << ": " << Missing() << "\n"
                          << std::flush;
  }

  Status PauseTask() {
    // Without the stop token: an interrupted pause would leave it unknown whether the task runs.
    const Status paused =
        context_.client.Call("pause", {{"task_id", id_}}, ApiClient::kOperationLimit).status();
    CDC_RETURN_IF_ERROR(paused.WithContext("everything is on the target, but the pause failed"));
    CDC_ASSIGN_OR_RETURN(after_, Look(false));
    if (after_.state != "Paused") {
      return FailedPreconditionError(
          "everything is on the target, but somebody has resumed the task");
    }
    for (const DrainView::Channel& reached : reached_.channels) {
      const auto stored = std::find_if(
          after_.channels.begin(), after_.channels.end(),
          [&reached](const DrainView::Channel& each) { return each.name == reached.name; });
      // A channel no longer followed has nothing left: its collections are dropped.
      if (stored != after_.channels.end() && stored->checkpoint < goal_.ts) {
        return FailedPreconditionError(
            "the task is paused, but the stored checkpoint of channel " + stored->name + " is " +
            FormatHybrid(stored->checkpoint) + ", older than " + FormatHybrid(goal_.ts) +
            ": the server could not store it, its log tells why; `milvus-cdc task resume " + id_ +
            "` and drain again");
      }
    }
    return OkStatus();
  }

  // Rows that came after everything up to the goal had arrived, hence above it.
  uint64_t RowsAbove() const {
    const uint64_t then = reached_.rows_written;
    const uint64_t now = after_.rows_written + after_.rows_waiting;
    return now > then ? now - then : 0;
  }

  void Show() const {
    const uint64_t above = RowsAbove();
    if (context_.output == Output::kJson) {
      ShowJson(above);
    } else {
      *context_.console.out << "drained task " << id_ << ", now paused\n"
                            << "  up to    " << FormatHybrid(goal_.ts) << "\n"
                            << "  rows     " << FormatCount(after_.rows_written)
                            << " written since the server was started\n"
                            << "  channels " << reached_.channels.size()
                            << ", read and acknowledged up to it\n"
                            << "  catalog  revision " << goal_.catalog_revision
                            << ", all of it on the target\n"
                            << std::flush;
    }
    if (reached_.condition != "ok") {
      *context_.console.err << (reached_.idle ? "milvus-cdc: there was nothing to drain: "
                                              : "milvus-cdc: left as it is: ")
                            << reached_.reason << "\n";
    }
    if (above > 0) {
      *context_.console.err << "milvus-cdc: the source is still written to: at least "
                            << FormatCount(above)
                            << " rows came above this time, and not all of such rows are on the "
                               "target\n  hint: stop the writers, `milvus-cdc task resume "
                            << id_ << "` and drain again\n";
    }
  }

  void ShowJson(uint64_t above) const {
    Json channels = Json::array();
    for (const DrainView::Channel& channel : after_.channels) {
      channels.push_back({{"channel", channel.name},
                          {"ts", channel.checkpoint},
                          {"time_ms", channel.checkpoint >> 18},
                          {"msg_id", channel.position}});
    }
    Print({{"task_id", id_},
           {"drained", true},
           {"ts", goal_.ts},
           {"time_ms", goal_.UnixMs()},
           {"time", FormatTime(goal_.UnixMs())},
           {"catalog_revision", goal_.catalog_revision},
           {"rows_written", after_.rows_written},
           {"rows_above", above},
           {"checkpoint", std::move(channels)}});
  }

  const CommandContext& context_;
  const DrainOptions& options_;
  const std::stop_token& stop_;
  const Clock::TimePoint begin_;
  std::string id_;
  DrainGoal goal_;
  std::vector<std::string> missing_;  // at the last status request
  std::string force_;                 // how to end it anyway, if the source was stalled then
  DrainView reached_;                 // the status in which nothing was missing
  DrainView after_;                   // the status after the pause
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
