#include "cli/plan.h"

#include <ostream>
#include <string>

#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "cli/view/json_reading.h"
#include "cli/view/plan_view.h"

namespace cdc::cli {

ExitCode PlanTask(const CommandContext& context, const nlohmann::ordered_json& request) {
  using Json = nlohmann::ordered_json;
  Json wanted = request;
  wanted["plan"] = true;
  const Result<Json> data = context.client.Call("create", wanted, ApiClient::kPlanLimit);
  if (!data.ok()) {
    return Report(context.console, data.status().WithContext("cannot plan the task"));
  }
  const Json& plan = Member(*data, "plan");
  const Json& can_start = Member(plan, "can_start");
  if (!can_start.is_boolean()) {
    return Report(context.console,
                  UnavailableError(context.client.base() +
                                   " has created the task instead of a plan, or is not a "
                                   "milvus-cdc server: it is of a version without plans"));
  }
  std::ostream& out = *context.console.out;
  if (context.output != Output::kTable) {
    out << Render(context.output, *data);
  } else {
    for (const std::string& line : FormatPlan(plan, context.console)) {
      out << line << "\n";
    }
  }
  return can_start.get<bool>() ? ExitCode::kOk : ExitCode::kCannotStart;
}

}  // namespace cdc::cli
