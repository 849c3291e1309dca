#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/schema.h"

namespace cdc {

inline constexpr const char* kIndexType = "index_type";
// The only one that Milvus Lite has for scalar fields; without a type it makes none.
inline constexpr const char* kScalarIndexOfLite = "INVERTED";

// Parameters of an index as one flat map: the members of a JSON object in `params` stand beside the
// others, numbers and text alike as text.
std::map<std::string, std::string> FlattenIndexParams(const std::vector<KeyValue>& params);

// Whether an index that a target describes by `actual` is the one that was asked for by `wanted`:
// `params` as JSON text and flat keys are alike, index and metric types are compared without regard
// to case, and where no type is wanted a type that a target chooses by itself is the right one.
bool SameIndexParams(const std::vector<KeyValue>& wanted, const std::vector<KeyValue>& actual);

}  // namespace cdc
