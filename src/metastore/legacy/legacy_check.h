#pragma once

#include "base/status.h"
#include "metastore/legacy/legacy_records.h"
#include "metastore/store_check.h"

namespace cdc {

// Adds what an earlier program has left to a check whose own records are read already. As long as
// no store has begun there, also whether these records can be taken over.
void CheckLegacy(const LegacyRecords& records, StoreCheck* check);

// kFailedPrecondition: the records are no longer those that were `checked`, since that program runs
// and writes; so none may be removed.
Status CheckUnchanged(const LegacyRecords& records, const LegacyFound& checked);
// What it returns then, for a store that compares by itself.
Status LegacyChangedError();

}  // namespace cdc
