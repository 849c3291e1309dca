#pragma once

#include <memory>

#include "metastore/meta_store.h"
#include "server/config.h"
#include "server/source_connector.h"

namespace cdc {

class StandbyHubs;

// Opens the real source of a configuration: Milvus's metadata in etcd and its
// message queue, Kafka or RocksMQ, once. `store` and `hubs`, of the targets that are standbys, must
// outlive the source. The message of an error names what could not be reached.
Result<std::unique_ptr<OpenSource>> OpenMilvusSource(const Config& config,
                                                     MetaStore* store,
                                                     StandbyHubs* hubs);

}  // namespace cdc
