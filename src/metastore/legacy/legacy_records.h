#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "metastore/records/record_meta_store.h"
#include "model/ids.h"

namespace cdc {

// The records of the earlier program, by their keys: JSON each.
struct LegacyRecords {
  std::map<std::string, std::string> tasks;      // <root>/task_info/<task>
  std::map<std::string, std::string> positions;  // <root>/task_position/<task>/<collection>
};

// What they are as ours.
struct LegacyContent {
  InitialContent content;
  std::vector<std::string> left_out;  // for the log: each a task and why it cannot be taken over
};

// A task keeps its id, scope, names, state and reason. That program has no other targets than
// standbys, so each is written as one.
//
// Its positions are of collections, ours are of channels: a channel goes on at the earliest one, so
// rows of the other collections come again. It also writes before it stores a position, so nobody
// knows how far it has come. Therefore rows up to `written_until`, which must not be before the
// last row it can have written, are in doubt: they are written again as upserts. A position is
// stored in whole milliseconds; the rows of its millisecond come again, too.
//
// kDataLoss: a record is not what that program writes; the message names it and no value.
Result<LegacyContent> ReadLegacyRecords(const LegacyRecords& records, Timestamp written_until);

// The same at `clock`'s present, and logs what is taken over from `place` and what is left out. The
// earlier program must have ended, and the source's clock be at most ten minutes ahead of ours.
Result<InitialContent> TakeOverLegacy(const LegacyRecords& records,
                                      const std::string& place,
                                      const Clock& clock);

}  // namespace cdc
