#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/status.h"
#include "model/ids.h"
#include "model/message.h"

namespace cdc {

// The keys of one collection that rows of its log have, by partition; a delete may have one in all
// of them. Keys are compared completely, not by a hash: a copied row that is taken for another one
// would be lost.
//
// Not thread-safe.
class LogKeys {
 public:
  // Adds the keys of an insert or delete. kDataLoss: malformed; then some of them are added.
  Status Add(PartitionId partition, const KeyColumn& keys);
  // What Unsaved returned in an earlier life. kDataLoss: damaged.
  Status Load(std::string_view saved);

  // One byte for each key of a copied row: 0 if the log has it, in this partition or in all.
  // kDataLoss: malformed.
  Result<std::string> Absent(PartitionId partition, const KeyColumn& keys) const;

  // The keys that were added and are not saved yet. After OnSaved, those that the last call has
  // returned are.
  const std::string& Unsaved();
  void OnSaved() { saving_.clear(); }

  // Roughly what they take in memory.
  size_t bytes() const { return bytes_ + added_.size() + saving_.size(); }

 private:
  struct OfPartition {
    std::unordered_set<uint64_t> numbers;
    std::unordered_set<std::string> texts;
    bool AddNumber(uint64_t number, size_t* bytes);
    bool AddText(std::string_view text, size_t* bytes);
  };

  const OfPartition* Find(PartitionId partition) const;

  std::unordered_map<PartitionId, OfPartition> partitions_;
  size_t bytes_ = 0;
  std::string added_;   // since Unsaved
  std::string saving_;  // returned by Unsaved
};

}  // namespace cdc
