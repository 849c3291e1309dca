#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/catalog.h"
#include "model/ddl.h"
#include "sink/target.h"

// What has to be done so that the target looks like the source: pure functions.
namespace cdc {

// The collection as it is to be created. Keys are the source's, so autoID is off on the target.
CreateCollection PlanCreate(const Collection& source, const CollectionName& target);

// kFailedPrecondition with all differing points if rows of `source` do not fit `actual`.
Status CheckFits(const Collection& source,
                 const CollectionName& target,
                 const TargetCollection& actual);

// Closes the difference in partitions, indexes and load state, in the order in which a server
// accepts it: create partitions, release, drop indexes, create indexes, load. Partitions that only
// the target has are left: their removal waits for their rows.
std::vector<Ddl> PlanCollection(const Collection& source,
                                const CollectionName& target,
                                const TargetCollection& actual);

// As above, the partitions alone: rows only need these.
std::vector<Ddl> PlanPartitions(const Collection& source,
                                const CollectionName& target,
                                const TargetCollection& actual);

}  // namespace cdc
