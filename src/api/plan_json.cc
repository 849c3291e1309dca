#include "api/plan_json.h"

#include <string>
#include <utility>

#include <nlohmann/json.hpp>

namespace cdc {

nlohmann::ordered_json EncodePlan(const PlanItems& items) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  for (const PlanItem& item : items) {
    list.push_back({{"severity", PlanSeverityName(item.severity)},
                    {"area", item.area},
                    {"object", item.object},
                    {"finding", item.finding},
                    {"cure", item.cure}});
  }
  Json summary = Json::object();
  for (const auto& [severity, count] : CountItems(items)) {
    summary[std::string(PlanSeverityName(severity))] = count;
  }
  return {{"items", std::move(list)},
          {"summary", std::move(summary)},
          {"can_start", FirstRefusal(items).ok()}};
}

}  // namespace cdc
