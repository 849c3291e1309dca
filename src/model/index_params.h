#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/schema.h"

namespace cdc {

inline constexpr const char* kIndexType = "index_type";
// The only index type for scalar fields in Milvus Lite; without a type it creates no index.
inline constexpr const char* kScalarIndexOfLite = "INVERTED";

// Flattens the parameters of an index: members of the JSON object in `params` join the other keys;
// all values become text.
std::map<std::string, std::string> FlattenIndexParams(const std::vector<KeyValue>& params);

// Whether an index that a target describes by `actual` is the one requested by `wanted`. `params`
// as JSON text equals flat keys, index and metric types ignore case, and if `wanted` has no type,
// any type that a target chooses by itself is accepted.
bool SameIndexParams(const std::vector<KeyValue>& wanted, const std::vector<KeyValue>& actual);

}  // namespace cdc
