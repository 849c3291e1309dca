#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "model/ids.h"
#include "model/rows.h"

namespace cdc {

// A sum for each kind of change.
struct CountsByOp {
  uint64_t inserts = 0;
  uint64_t upserts = 0;
  uint64_t deletes = 0;

  uint64_t& Of(RowOp op);
  void Add(const CountsByOp& more);
};

// What is handed over to be written, and what the target has acknowledged. After a crash or an
// error, rows are read again.
struct ReadAndWritten {
  CountsByOp read;
  CountsByOp written;

  void Add(const ReadAndWritten& more);
};

// What a task has done since this server knows it. Sums that only grow.
struct TaskCounts {
  struct Collection {
    std::string name;  // on the target, without its database; empty: not known yet
    ReadAndWritten rows;
  };

  std::map<CollectionId, Collection> collections;  // of the source
  ReadAndWritten dropped_rows;                     // of collections that no longer exist
  std::set<CollectionId> dropped;                  // these
  std::map<std::string, ReadAndWritten> bytes;     // by source channel; "": stored rows
  // Calls that the target has executed, by the name of the call ("CreateCollection", "Insert").
  std::map<std::string, uint64_t> calls;
  uint64_t errors = 0;  // failed attempts of any part of the task

  // `more` is the newer one.
  void Add(const TaskCounts& more);

  // Keeps the rows of a collection that no longer exists only in the sum of all.
  void Drop(CollectionId collection);

  // Over all collections and channels.
  CountsByOp RowsWritten() const;
  uint64_t BytesWritten() const;
};

}  // namespace cdc
