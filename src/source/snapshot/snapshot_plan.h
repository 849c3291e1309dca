#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/catalog.h"
#include "model/ids.h"
#include "model/schema.h"
#include "source/snapshot/segment.h"

namespace cdc {

// The stored rows of one vchannel.
//
// The cut is exact: rows and deletes at or below `takeover.time` come from the files, later ones
// from the log, read from `takeover.position` on, inclusive. A row that a compaction has already
// removed because of a later delete is missing here, and the delete in the log finds nothing.
struct ChannelSnapshot {
  std::string vchannel;
  LogPlace takeover;
  // Rows with a smaller time had outlived the collection's TTL at the takeover: the source shows
  // them no more, and in the target they would begin to live again. 0: there is no TTL.
  Timestamp oldest;
  // Grouped by partition; within one, segments with few rows first: a compaction, after which the
  // source removes their files, takes those next.
  std::vector<Segment> segments;
  // The segments whose delete logs apply to the rows above, and deletes for all partitions.
  std::vector<Segment> deletes;
  bool operator==(const ChannelSnapshot&) const = default;
};

// What has to be read so that a target with nothing of the collection holds all of it.
struct SnapshotPlan {
  CollectionId collection;
  int64_t revision = 0;                           // of etcd
  std::vector<ChannelSnapshot> channels;          // as in Collection::vchannels
  std::map<PartitionId, std::string> partitions;  // names of the Created ones
  // The columns of an insert: the schema's fields, and the dynamic field if it is enabled.
  std::vector<Field> columns;
  int64_t rows = 0;   // in the files, deleted ones included
  int64_t bytes = 0;  // roughly
  // A bulk import has not completed. Its rows are not in the plan and will not be in the log
  // either.
  bool importing = false;
};

// Chooses what to read. Pure.
//
// `fixed`: by vchannel, where the log has to take over instead of at the checkpoint, e.g. where it
// took over when files of an earlier plan vanished. No later than the checkpoint. `partitions`: the
// names of those to read; empty: all.
//
// kAborted, kUnavailable: plan again with a new catalog: it shows a half-written change or a bulk
// import above the checkpoint; a checkpoint that is still below `fixed`. kFailedPrecondition: files
// of a later version, or a channel with rows and without a checkpoint. The message names the
// segment.
Result<SnapshotPlan> PlanSnapshot(const Collection& collection,
                                  const SegmentCatalog& catalog,
                                  const std::map<std::string, LogPlace>& fixed = {},
                                  const std::set<std::string>& partitions = {});

}  // namespace cdc
