#include "cli/events.h"

#include <ostream>

#include <nlohmann/json.hpp>

#include "base/thread.h"
#include "cli/task_ids.h"
#include "cli/view/format.h"
#include "cli/view/json_reading.h"
#include "cli/view/task_info.h"

namespace cdc::cli {
namespace {

using Json = nlohmann::ordered_json;

class EventPrinter {
 public:
  EventPrinter(const CommandContext& context,
               const EventsOptions& options,
               const std::stop_token& stop)
      : context_(context), options_(options), stop_(stop) {}

  Status Run() {
    CDC_ASSIGN_OR_RETURN(const Json list, context_.client.Call("list", Json::object(),
                                                               ApiClient::kListLimit, stop_));
    CDC_ASSIGN_OR_RETURN(id_, ResolveTaskId(options_.id, ReadTasks(list)));
    CDC_RETURN_IF_ERROR(PrintNew());
    while (options_.follow && context_.console.out->good() && Pause(options_.interval, stop_)) {
      const Status status = PrintNew();
      if (status.code() == StatusCode::kUnavailable) {
        TellProblem(status.message());
        continue;
      }
      CDC_RETURN_IF_ERROR(status);
      problem_.clear();
    }
    return OkStatus();
  }

 private:
  Result<Json> Request() const {
    CDC_ASSIGN_OR_RETURN(Json answer, context_.client.Call("events", {{"task_id", id_}},
                                                           ApiClient::kListLimit, stop_));
    Json events = Member(answer, "events");
    return events.is_array() ? events : Json::array();
  }

  // All are requested: if the newest number is lower than before, the server
  // was restarted.
  Status PrintNew() {
    CDC_ASSIGN_OR_RETURN(const Json events, Request());
    if (events.empty() || NumberOf(events.back()) < last_) {
      last_ = 0;
    }
    for (const Json& event : events) {
      if (NumberOf(event) > last_) {
        last_ = NumberOf(event);
        Print(event);
      }
    }
    context_.console.out->flush();
    return OkStatus();
  }

  static int64_t NumberOf(const Json& event) {
    const Json& number = Member(event, "number");
    return number.is_number_integer() ? number.get<int64_t>() : 0;
  }

  void Print(const Json& event) const {
    if (context_.output != Output::kTable) {
      *context_.console.out << RenderOneOfMany(context_.output, event);
      return;
    }
    const Json& time = Member(event, "time_ms");
    const std::string text = Text(event, "text");
    *context_.console.out << FormatTime(time.is_number_integer() ? time.get<int64_t>() : 0) << "  "
                          << Text(event, "event") << (text.empty() ? "" : "  ") << text << "\n";
  }

  void TellProblem(const std::string& problem) {
    if (problem_ != problem) {
      problem_ = problem;
      *context_.console.err << "milvus-cdc: " << problem << "; trying again\n" << std::flush;
    }
  }

  const CommandContext& context_;
  const EventsOptions& options_;
  const std::stop_token& stop_;
  std::string id_;
  int64_t last_ = 0;
  std::string problem_;  // told last
};

}  // namespace

ExitCode ShowEvents(const CommandContext& context,
                    const EventsOptions& options,
                    const std::stop_token& stop) {
  const Status status = EventPrinter(context, options, stop).Run();
  if (status.code() == StatusCode::kCancelled) {
    return ExitCode::kOk;  // it was asked to end
  }
  return Report(context.console, status.WithContext("cannot show the events"));
}

}  // namespace cdc::cli
