#pragma once

#include "base/status.h"
#include "model/schema.h"
#include "source/snapshot/segment.h"

namespace cdc {

// kFailedPrecondition: the segment's files are of a later version than this program reads.
Status CheckFormat(const Segment& segment);

// Whether a segment's lists of files describe whole rows: every field of `schema` and the two
// system fields have the same number of files, with the same numbers of rows, as many as the
// segment has. kUnavailable if they do not: the source was writing; read the catalog again.
Status CheckFiles(const Schema& schema, const Segment& segment);

}  // namespace cdc
