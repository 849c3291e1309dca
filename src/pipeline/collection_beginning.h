#pragma once

#include <optional>

#include "model/ids.h"
#include "model/task_progress.h"
#include "pipeline/task_facts.h"

namespace cdc {

// How a collection begins that exists when a task begins to cover it; to be stored.
struct CollectionBeginning {
  ReplicatedCollection record;
  // The request gives positions: the stored rows up to them count as copied.
  std::optional<SnapshotProgress> given;
};

// `facts` must have been judged (JudgeSource) to be without errors. `present`: at or above the time
// of every row ever sent.
CollectionBeginning BeginningOf(const CollectionFacts& facts, Timestamp present);

}  // namespace cdc
