#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "model/catalog.h"
#include "model/ddl.h"
#include "sink/metadata_sink.h"

// What has to be done so that the target looks like the source: pure functions.
namespace cdc {

struct PlanOptions {
  bool partitions = true;  // false: the target has none of the source's
  bool indexes = true;     // false: the target's own business
  bool load = true;        // false: likewise; what a change needs released is released all the same
  // A number of replicas that the target has refused: that many and more are loaded once. 0: none.
  int refused_replicas = 0;
};

// kFailedPrecondition: the target deletes by expressions, and none can name the key of `source`,
// which the user knows as `name`: no row of it could be deleted or replaced there. Says what to do.
Status CheckKeyField(const Collection& source,
                     const CollectionName& name,
                     const TargetTraits& traits);

// The collection as it is to be created. Keys are the source's, so autoID is off on a target that
// would make its own.
CreateCollection PlanCreate(const Collection& source,
                            const CollectionName& target,
                            const TargetTraits& traits = {});

// kFailedPrecondition with all differing points if rows of `source` do not fit `actual`.
Status CheckFits(const Collection& source,
                 const CollectionName& target,
                 const TargetCollection& actual,
                 const TargetTraits& traits = {});

// The name of a partition of `source` on the target. The default partition is the one that the
// target calls so: its name is a setting of the server.
std::string TargetPartition(const Collection& source,
                            const Partition& partition,
                            const TargetCollection& actual);

// Whether the target has a partition of this name.
bool HasPartition(const TargetCollection& actual, const std::string& name);

// kFailedPrecondition: two partitions of the source would be one on the target, because one has the
// name of the target's default partition.
Status CheckPartitions(const Collection& source,
                       const CollectionName& target,
                       const TargetCollection& actual);

// Closes the difference in partitions, properties, aliases, indexes and load state, in the order in
// which a server accepts it: create partitions, properties, aliases, release, drop indexes, create
// indexes, load. A change of mmap comes after the release. Partitions and properties that only the
// target has are left: the removal of a partition waits for its rows.
std::vector<Ddl> PlanCollection(const Collection& source,
                                const CollectionName& target,
                                const TargetCollection& actual,
                                const PlanOptions& options);

// As above, the partitions alone: rows only need these.
std::vector<Ddl> PlanPartitions(const Collection& source,
                                const CollectionName& target,
                                const TargetCollection& actual);

inline constexpr const char* kSearchOn = "search on";
inline constexpr const char* kPropertiesOf = "properties of";
inline constexpr const char* kAliasesOf = "aliases of";

// The optional feature that a change belongs to, one of the above: a target may refuse it without
// harm to the rows. Empty: rows need the change.
std::string OptionalFeatureOf(const Ddl& ddl);
// All that OptionalFeatureOf can answer.
const std::vector<std::string>& OptionalFeatures();

}  // namespace cdc
