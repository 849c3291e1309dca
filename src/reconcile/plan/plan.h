#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "model/catalog.h"
#include "model/ddl.h"
#include "sink/metadata_sink.h"

// Decides what must change to make the target match the source: pure functions.
namespace cdc {

struct PlanOptions {
  bool partitions = true;  // false: the source's partitions are not replicated
  bool indexes = true;     // false: indexes are left to the target
  bool load = true;        // false: likewise, except for releases that another change needs
  // A number of replicas the target has refused; 0: none. For as many or more, plans load one.
  int refused_replicas = 0;
};

// It is there, and not about to be dropped.
inline bool Exists(const Partition& partition) { return partition.state == ObjectState::kCreated; }

// kFailedPrecondition: a field has a type that is not supported; or the target deletes by
// expression, and no expression can name the primary key of `source`, so its rows could never be
// deleted or replaced there. The message names the cures. `name` is the collection's name as the
// user knows it.
Status CheckReplicable(const Collection& source,
                       const CollectionName& name,
                       const TargetTraits& traits);

// The request that creates the collection. The keys come from the source, so autoID is turned off
// on a target that would generate its own.
CreateCollection PlanCreate(const Collection& source,
                            const CollectionName& target,
                            const TargetTraits& traits = {});

// Why `actual` cannot hold the rows of `source`, one sentence for each difference; empty: it can.
std::vector<std::string> ListDifferences(const Collection& source,
                                         const TargetCollection& actual,
                                         const TargetTraits& traits = {});

// kFailedPrecondition, with all of these, if there are any.
Status CheckFits(const Collection& source,
                 const CollectionName& target,
                 const TargetCollection& actual,
                 const TargetTraits& traits = {});

// The name of a partition of `source` on the target. The default partitions of both sides
// correspond, although their names may differ: the name is a server setting.
std::string TargetPartition(const Collection& source,
                            const Partition& partition,
                            const TargetCollection& actual);

// Whether the target has a partition of this name.
bool HasPartition(const TargetCollection& actual, const std::string& name);

// kFailedPrecondition: two partitions of the source would become one on the target, because one of
// them has the name of the target's default partition.
Status CheckPartitions(const Collection& source,
                       const CollectionName& target,
                       const TargetCollection& actual);

// Lists the changes to partitions, properties, aliases, indexes and load state, in the order in
// which a server accepts them: create partitions, properties, aliases, release, drop indexes,
// create indexes, load. A change of mmap comes after the release. Properties and partitions that
// only the target has stay; dropping a partition has to wait for its rows and is not planned here.
std::vector<Ddl> PlanCollection(const Collection& source,
                                const CollectionName& target,
                                const TargetCollection& actual,
                                const PlanOptions& options);

// The same for partitions alone, the only part that rows need.
std::vector<Ddl> PlanPartitions(const Collection& source,
                                const CollectionName& target,
                                const TargetCollection& actual);

inline constexpr const char* kSearchOn = "search on";
inline constexpr const char* kPropertiesOf = "properties of";
inline constexpr const char* kAliasesOf = "aliases of";

// The optional feature that a change belongs to, one of the above: a target may refuse it without
// harm to the rows. Empty: the rows need the change.
std::string OptionalFeatureOf(const Ddl& ddl);
// All features that OptionalFeatureOf can return.
const std::vector<std::string>& OptionalFeatures();

}  // namespace cdc
