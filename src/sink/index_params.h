#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/schema.h"

namespace cdc {

// Parameters of an index as one flat map: the members of a JSON object in `params` stand beside the
// others, numbers and text alike as text.
std::map<std::string, std::string> FlattenIndexParams(const std::vector<KeyValue>& params);

}  // namespace cdc
