#pragma once

#include <string>
#include <vector>

#include "model/catalog.h"

namespace cdc {

// What a Milvus of this version is known not to have, of what the collection needs: types of
// fields, nullable fields, default values, functions and types of indexes; one sentence each. Empty
// for a version whose text is not understood, such as that of Milvus Lite, which says itself at the
// creation what it lacks.
std::vector<std::string> WhatVersionLacks(const Collection& source, const std::string& version);

}  // namespace cdc
