#pragma once

#include <string>
#include <vector>

#include "api/request_reader.h"
#include "base/status.h"
#include "control/task_manager.h"
#include "model/copy_selection.h"
#include "model/rows.h"

namespace cdc {

// A request that changes what is done to collections of a task.
struct ChangeRequest {
  TaskManager::CollectionChange change{};
  std::vector<CollectionName> collections;
  CopySelection selection;  // of a copy
};

// Of "database.collection", or of "collection", in the default database: no collection in Milvus
// has a dot in its name.
CollectionName ParseCollectionName(const std::string& text);

// Reads the names and, for a copy, what is copied; `cancel` in it makes it kCancel.
ChangeRequest ReadChangeRequest(const RequestReader& reader, TaskManager::CollectionChange change);

// kInvalidArgument: it names no collection, or what it says about the copy has no meaning.
Status CheckChangeRequest(const ChangeRequest& request);

}  // namespace cdc
