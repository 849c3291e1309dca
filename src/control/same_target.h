#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "model/task.h"

// Which tasks write to one target, whatever each calls it.
namespace cdc {

// By what the two targets say of themselves if both say it, else by their addresses: one Milvus
// has many names, and one name may have come to mean another Milvus.
bool IsSameTarget(const TaskSpec& a, const TaskSpec& b);

// What to add to a refusal because of `others` of the same target: those that call it by another
// address, and why it is the same one. Empty if all call it as `created` does.
std::string OtherAddresses(const TaskSpec& created, const std::vector<const TaskSpec*>& others);

// A standby has one address here: two clocks would stamp its rows. kInvalidArgument: an older task
// uses another one.
Status CheckStandbyAddress(const TaskSpec& created, const std::vector<const TaskSpec*>& others);

}  // namespace cdc
