#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "metastore/meta_store.h"

namespace cdc {

// Something stored that cannot be read.
struct DamagedRecord {
  std::string key{};
  std::string why{};  // quotes no value
  std::string cure{};
};

// What an earlier program has left in the place of a store.
struct LegacyFound {
  // The records by key, with passwords in clear.
  std::map<std::string, std::string> tasks{};
  std::map<std::string, std::string> positions{};
  // Tasks of it that this store does not have: deleted since, or never taken over.
  std::set<std::string> not_here{};

  bool empty() const { return tasks.empty() && positions.empty(); }
};

// What is in the place of a store, as somebody sees it who only reads: no lock is taken, nothing is
// changed, and a server may go on meanwhile.
struct StoreCheck {
  std::string place{};
  std::string holder{};                // the server that uses the store; empty: none does
  std::optional<int64_t> version{};    // nullopt: no store has begun there
  std::set<std::string> tasks{};       // ids, also of those that cannot be read
  std::vector<TaskRecord> readable{};  // secrets as they are stored
  size_t checkpoints = 0;
  size_t collections = 0;
  size_t copies = 0;
  size_t aside = 0;
  std::vector<DamagedRecord> damaged{};
  // The number of records that belong to no task, by the id it would have. Not damage: a create was
  // interrupted, and the next start removes them.
  std::map<std::string, size_t> orphans{};
  LegacyFound legacy{};
};

}  // namespace cdc
