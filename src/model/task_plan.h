#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

// What would happen if a task were created: a list of findings.
namespace cdc {

enum class PlanSeverity {
  kOk,       // as wanted
  kNote,     // worth knowing
  kWarning,  // the task would start, but not do all that its user may expect
  kError,    // the task would not be created
};

// "ok", "note", "warning", "error".
std::string_view PlanSeverityName(PlanSeverity severity);

struct PlanItem {
  PlanSeverity severity = PlanSeverity::kOk;
  std::string area;    // source, queue, target, collection, rows, schema, names, access, tasks
  std::string object;  // an address, a channel, a collection by its name on the source; or empty
  std::string finding;
  std::string cure;  // what to do about it; empty: nothing
  Status refusal;    // of an error: what the create fails with
};

using PlanItems = std::vector<PlanItem>;

// An error. Its finding is the message of `refusal`, without `cure` if it ends with that.
PlanItem RefusedItem(std::string area, std::string object, Status refusal, std::string cure);

// OK if the task could be created, else what the create fails with.
Status FirstRefusal(const PlanItems& items);

// How many there are of each severity.
std::map<PlanSeverity, size_t> CountItems(const PlanItems& items);

void AppendItems(PlanItems more, PlanItems* items);

}  // namespace cdc
