#pragma once

#include "metastore/legacy/legacy_records.h"
#include "metastore/store_check.h"

namespace cdc {

// Adds what an earlier program has left to a check whose own records are read already. As long as
// no store has begun there, also whether these records can be taken over.
void CheckLegacy(const LegacyRecords& records, StoreCheck* check);

}  // namespace cdc
