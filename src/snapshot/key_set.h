#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "model/ids.h"
#include "model/primary_key.h"

namespace cdc {

// A share of all possible keys: those whose hash ends with certain bits. It starts as all of them.
class KeyShare {
 public:
  bool Has(const PrimaryKey& key) const;

  // Makes this one of two halves, and returns the other one.
  KeyShare Halve();

 private:
  uint64_t ending_ = 0;
  unsigned bits_ = 0;
};

// Exact keys by partition, in little more memory than they have bytes. Not thread-safe.
class KeySet {
 public:
  void Add(PartitionId partition, PrimaryKey key);
  // Removes the keys outside of `share`.
  void Keep(const KeyShare& share);
  // Call it between the last Add and the first Contains.
  void Sort();
  bool Contains(PartitionId partition, const PrimaryKey& key) const;

  size_t bytes() const { return bytes_; }

 private:
  // Numbers by themselves: a PrimaryKey is five times as large.
  struct Keys {
    std::vector<int64_t> numbers;
    std::vector<std::string> texts;
  };

  std::map<PartitionId, Keys> keys_;
  size_t bytes_ = 0;
};

}  // namespace cdc
