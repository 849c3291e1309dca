#pragma once

#include "model/task.h"
#include "pipeline/replicator.h"
#include "pipeline/task_facts.h"

namespace cdc {

// Adds what the target has to the facts: its databases, the collections with the names that the
// task would use, and its users if they are to be replicated. Reads only, and a standby through its
// API: the other way sends it ticks. Ends when the target stops answering, after a minute, or after
// some hundreds of collections and aliases; see TaskFacts::not_compared.
void LookAtTarget(const ReplicatorOptions& options, const TaskSpec& spec, TaskFacts* facts);

}  // namespace cdc
