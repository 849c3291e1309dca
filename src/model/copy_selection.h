#pragma once

#include <set>
#include <string>

namespace cdc {

// Which of a collection's stored rows a copy is about: by default all of them.
struct CopySelection {
  std::set<std::string> partitions;  // names on the source; empty: all
  std::string filter;  // a boolean expression of Milvus that holds for them; empty: any row

  bool IsAll() const { return partitions.empty() && filter.empty(); }
  bool HasPartition(const std::string& name) const {
    return partitions.empty() || partitions.contains(name);
  }
  // Whether the target gets exactly these rows: only without a filter, since a row of the target
  // whose key the source does not have cannot be judged by it.
  bool Replaces() const { return filter.empty(); }
  bool operator==(const CopySelection&) const = default;
};

}  // namespace cdc
