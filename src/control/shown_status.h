#pragma once

#include <vector>

#include "base/status.h"
#include "metastore/meta_store.h"
#include "model/task_status.h"

namespace cdc {

// What a stored progress says of collections that were set aside.
std::vector<SetAsideStatus> SetAsideOf(const MetaStore::Progress& progress);

// Likewise of copies. One that has not begun its collection on the target has the id as its name;
// those of collections that have been dropped are left out.
std::vector<SnapshotStatus> CopiesOf(const MetaStore::Progress& progress);

// What a task that has not run since shows of its stored progress.
TaskStatus StatusOf(const MetaStore::Progress& progress);

// Replaces in the status of the last replication what is stored otherwise: a copy that has just
// been asked for must not be shown as done until the task runs again. The figures of others stay.
void ShowCopies(const MetaStore::Progress& progress, TaskStatus* status);

// Rows of known collections are replicated without the source's etcd, so a task may not notice that
// it is away; but changes of the metadata do not arrive meanwhile. Shown if nothing worse is.
void ShowSource(const Status& source, TaskStatus* status);

}  // namespace cdc
