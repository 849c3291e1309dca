#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "metastore/meta_store.h"
#include "metastore/new_store.h"
#include "metastore/records/record_store.h"

namespace cdc {

// What a new store begins with.
struct InitialContent {
  std::vector<TaskRecord> tasks{};
  MetaStore::Checkpoints checkpoints{};
};
using ReadInitialContent = std::function<Result<InitialContent>()>;

// How a store in a place begins if it is new: `read_legacy` finds what an earlier program has
// there.
ReadInitialContent InitialContentOf(NewStore if_new,
                                    const std::string& place,
                                    ReadInitialContent read_legacy);

// A MetaStore on records that this process alone uses. Removes progress whose task was never
// stored. If there are no records, not even those of an empty store, it begins with what
// `read_initial` returns (unset: nothing), in one write.
//
// kFailedPrecondition: written by a newer program. Others: see RecordStore; errors of
// `read_initial`.
Result<std::unique_ptr<MetaStore>> OpenRecordMetaStore(std::unique_ptr<RecordStore> records,
                                                       const ReadInitialContent& read_initial = {});

}  // namespace cdc
