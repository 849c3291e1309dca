#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/status.h"
#include "model/rows.h"
#include "model/target_collection.h"

// The records of the compacted topic of schemas: of each collection the last state, under its name.
// Whoever writes them into a stream reads them again after a restart, as what there is on the
// target. Whoever drops a collection writes a null under its key.
namespace cdc {

// {"database":…,"collection":…}, with null for the collection if `name` is a database alone.
std::string EncodeStateKey(const CollectionName& name);
// kDataLoss: it is no such key.
Result<CollectionName> DecodeStateKey(std::string_view json);

std::string EncodeCollectionState(const TargetCollection& collection);
// kDataLoss: it is no such record. kFailedPrecondition: a later version has written it.
Result<TargetCollection> DecodeCollectionState(std::string_view json);

// The state as people read it, with types by name and default values; EncodeCollectionState is this
// and the version of its form.
nlohmann::ordered_json CollectionJson(const TargetCollection& collection);

}  // namespace cdc
