#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/status.h"
#include "metastore/meta_store.h"
#include "model/ids.h"

namespace cdc {

// The records of one task's progress, as they are read: sorts them into what they are.
class ProgressReader {
 public:
  // `key` is what follows record_keys::Progress of the task. kDataLoss: damaged, and left out; the
  // message quotes no value.
  Status Add(std::string_view key, const std::string& value);

  MetaStore::Progress Take();

 private:
  Status AddNamed(std::string_view kind, const std::string& name, const std::string& value);
  Status AddOfCollection(std::string_view kind,
                         CollectionId id,
                         std::string_view rest,
                         const std::string& value);

  MetaStore::Progress progress_;
  std::map<CollectionId, ReplicatedCollection> collections_;
  std::map<CollectionId, SnapshotProgress> snapshots_;
  std::map<CollectionId, std::set<int64_t>> segments_;
  std::map<CollectionId, AsideCollection> aside_;
};

}  // namespace cdc
