#include "model/task_plan.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace cdc {

std::string_view PlanSeverityName(PlanSeverity severity) {
  switch (severity) {
    case PlanSeverity::kOk: return "ok";
    case PlanSeverity::kNote: return "note";
    case PlanSeverity::kWarning: return "warning";
    case PlanSeverity::kError: break;
  }
  return "error";
}

PlanItem RefusedItem(std::string area, std::string object, Status refusal, std::string cure) {
  std::string finding = refusal.message();
  if (!cure.empty() && finding.ends_with(cure)) {
    finding.resize(finding.size() - cure.size());
    finding.resize(finding.find_last_not_of(" ,;:") + 1);
  }
  return {.severity = PlanSeverity::kError,
          .area = std::move(area),
          .object = std::move(object),
          .finding = std::move(finding),
          .cure = std::move(cure),
          .refusal = std::move(refusal)};
}

Status FirstRefusal(const PlanItems& items) {
  const auto first = std::ranges::find(items, PlanSeverity::kError, &PlanItem::severity);
  return first == items.end() ? OkStatus() : first->refusal;
}

std::map<PlanSeverity, size_t> CountItems(const PlanItems& items) {
  std::map<PlanSeverity, size_t> counts = {{PlanSeverity::kOk, 0},
                                           {PlanSeverity::kNote, 0},
                                           {PlanSeverity::kWarning, 0},
                                           {PlanSeverity::kError, 0}};
  for (const PlanItem& item : items) {
    ++counts[item.severity];
  }
  return counts;
}

void AppendItems(PlanItems more, PlanItems* items) {
  std::ranges::move(more, std::back_inserter(*items));
}

}  // namespace cdc
