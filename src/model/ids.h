#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace cdc {

// A typed number: ids of different things do not mix.
template <class Tag>
struct Id {
  int64_t value = 0;
  auto operator<=>(const Id&) const = default;
};

using DatabaseId = Id<struct DatabaseTag>;
using CollectionId = Id<struct CollectionTag>;
using PartitionId = Id<struct PartitionTag>;
using FieldId = Id<struct FieldTag>;
using IndexId = Id<struct IndexTag>;

inline constexpr DatabaseId kDefaultDatabaseId{1};
inline constexpr const char* kDefaultDatabase = "default";
// In a delete: the keys are searched in every partition.
inline constexpr PartitionId kAllPartitions{-1};

// A hybrid timestamp: Unix milliseconds << 18 | logical counter. 0 means "none".
struct Timestamp {
  uint64_t value = 0;

  static constexpr Timestamp FromUnixMs(int64_t ms, uint64_t logical = 0) {
    return {(static_cast<uint64_t>(ms) << 18) + logical};
  }
  constexpr int64_t UnixMs() const { return static_cast<int64_t>(value >> 18); }
  auto operator<=>(const Timestamp&) const = default;
};

// The position of a record in a channel, as the queue encodes it (Milvus calls it MsgID). Only that
// queue can compare two of them: see Log::Compare.
struct MsgId {
  std::string bytes;
  bool empty() const { return bytes.empty(); }
  bool operator==(const MsgId&) const = default;
};

}  // namespace cdc

template <class Tag>
struct std::hash<cdc::Id<Tag>> {
  size_t operator()(const cdc::Id<Tag>& id) const noexcept {
    return std::hash<int64_t>{}(id.value);
  }
};
