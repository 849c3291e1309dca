#pragma once

#include <vector>

#include "model/ddl.h"
#include "model/schema.h"

// Properties of collections and databases: the part of a plan that asks nothing of the rows.
namespace cdc {

// Others belong to one Milvus alone: what it says of being replicated itself.
bool IsReplicatedProperty(const KeyValue& property);

// How memory is mapped cannot be changed while the collection is loaded.
bool NeedsRelease(const KeyValue& property);

// Those of `wanted` that `actual` has not, or has with another value; by key.
std::vector<KeyValue> MissingProperties(const std::vector<KeyValue>& wanted,
                                        const std::vector<KeyValue>& actual);

}  // namespace cdc
