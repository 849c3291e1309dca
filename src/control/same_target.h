#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "model/task.h"

// Which tasks write to the same target, however each addresses it.
namespace cdc {

// Compares the targets' identities if both are known, otherwise their addresses: one Milvus has
// many addresses, and an address may come to mean another Milvus.
bool IsSameTarget(const TaskSpec& a, const TaskSpec& b);

// The text to append to a refusal because of `others` on the same target: which of them use another
// address, and why it is the same target. Empty if all use the address of `created`.
std::string OtherAddresses(const TaskSpec& created, const std::vector<const TaskSpec*>& others);

// A standby must always be given by the same address: with two, two clocks would stamp its rows.
// kInvalidArgument: an older task uses another one.
Status CheckStandbyAddress(const TaskSpec& created, const std::vector<const TaskSpec*>& others);

}  // namespace cdc
