#pragma once

#include <nlohmann/json_fwd.hpp>

#include "model/task_plan.h"

namespace cdc {

// `{"items":[…],"summary":{"error":0,…},"can_start":true}`
nlohmann::ordered_json EncodePlan(const PlanItems& items);

}  // namespace cdc
