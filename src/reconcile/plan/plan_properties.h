#pragma once

#include <vector>

#include "model/ddl.h"
#include "model/schema.h"

// The properties of collections and databases.
namespace cdc {

// False for properties that describe how one particular Milvus is itself replicated.
bool IsReplicatedProperty(const KeyValue& property);

// True for mmap settings, which cannot be changed while the collection is loaded.
bool NeedsRelease(const KeyValue& property);

// The properties of `wanted` that `actual` lacks or has with another value, sorted by key.
std::vector<KeyValue> MissingProperties(const std::vector<KeyValue>& wanted,
                                        const std::vector<KeyValue>& actual);

}  // namespace cdc
