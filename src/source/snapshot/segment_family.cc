#include "source/snapshot/segment_family.h"

#include <set>
#include <string>
#include <vector>

namespace cdc {
namespace {

const Segment* Find(const SegmentCatalog& catalog, SegmentId id) {
  const auto found = catalog.segments.find(id);
  return found == catalog.segments.end() ? nullptr : &found->second;
}

// Whether any ancestor is stored. `seen` ends the walk whatever the records say.
bool HasStoredAncestor(const SegmentCatalog& catalog, const Segment& segment) {
  std::set<SegmentId> seen = {segment.id};
  std::vector<SegmentId> open = segment.compacted_from;
  while (!open.empty()) {
    const SegmentId id = open.back();
    open.pop_back();
    const Segment* ancestor = Find(catalog, id);
    if (!seen.insert(id).second || ancestor == nullptr) {
      continue;
    }
    if (IsStored(*ancestor)) {
      return true;
    }
    open.insert(open.end(), ancestor->compacted_from.begin(), ancestor->compacted_from.end());
  }
  return false;
}

}  // namespace

bool IsStored(const Segment& segment) {
  const bool has_files =
      segment.state == SegmentState::kGrowing || segment.state == SegmentState::kSealed ||
      segment.state == SegmentState::kFlushing || segment.state == SegmentState::kFlushed;
  return has_files && !segment.is_importing && !segment.is_fake;
}

Result<bool> HoldsRows(const SegmentCatalog& catalog, const Segment& segment) {
  if (segment.level == SegmentLevel::kL0) {
    return false;
  }
  if (!HasStoredAncestor(catalog, segment)) {
    return true;
  }
  for (const SegmentId id : segment.compacted_from) {
    const Segment* input = Find(catalog, id);
    if (input != nullptr && input->state == SegmentState::kDropped && input->compacted) {
      return Status(StatusCode::kAborted,
                    "a compaction is half written: segment " + std::to_string(segment.id.value));
    }
  }
  return false;
}

}  // namespace cdc
