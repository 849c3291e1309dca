#pragma once

#include "base/status.h"
#include "source/snapshot/segment.h"

namespace cdc {

// Whether a segment may have valid files: it is neither dropped, nor being imported, nor a
// placeholder.
bool IsStored(const Segment& segment);

// Whether a stored segment's rows count. They do not if one of the segments it was compacted from,
// directly or not, is still stored: between the two writes of a compaction (Milvus 2.5) both are,
// and then the inputs count. An L0 segment has no rows.
//
// kAborted: some of its direct inputs are stored and others already dropped as compacted, which
// is a half-written change: read the catalog again.
Result<bool> HoldsRows(const SegmentCatalog& catalog, const Segment& segment);

}  // namespace cdc
