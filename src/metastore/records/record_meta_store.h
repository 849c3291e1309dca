#pragma once

#include <memory>

#include "base/status.h"
#include "metastore/meta_store.h"
#include "metastore/records/record_store.h"

namespace cdc {

// A MetaStore on records that this process alone uses. Removes progress whose task was never
// stored.
//
// kFailedPrecondition: written by a newer program. Others: see RecordStore.
Result<std::unique_ptr<MetaStore>> OpenRecordMetaStore(std::unique_ptr<RecordStore> records);

}  // namespace cdc
