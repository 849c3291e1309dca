#pragma once

#include <vector>

#include "model/ddl.h"

namespace cdc {

// The collections that a change concerns; none if it concerns a database.
std::vector<CollectionName> CollectionsOf(const Ddl& ddl);

}  // namespace cdc
