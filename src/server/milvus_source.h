#pragma once

#include <memory>

#include "metastore/meta_store.h"
#include "server/config.h"
#include "server/source_connector.h"

namespace cdc {

class StandbyHubs;

// Opens the configured source once: Milvus' metadata in etcd and its message queue:
// Woodpecker, Pulsar, Kafka or RocksMQ. `store` and `hubs` (of the targets that are standbys) must
// outlive it. Errors name what could not be reached.
Result<std::unique_ptr<OpenSource>> OpenMilvusSource(const Config& config,
                                                     MetaStore* store,
                                                     StandbyHubs* hubs);

// Connects to a target, finds out what it is, and disconnects: see Replicator::CheckTarget.
Result<TargetInfo> CheckMilvusTarget(const MilvusConnectParam& target);

}  // namespace cdc
