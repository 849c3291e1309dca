#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/catalog.h"
#include "model/copy_selection.h"
#include "model/message.h"
#include "model/takeover.h"

namespace cdc {

// Some stored rows, in the form of an insert of the queue: see DecodeMessage.
struct SnapshotRecord {
  Payload payload;
  uint32_t rows = 0;
  std::string vchannel = {};  // that the rows belong to; empty: the one that is read
};

// Reads one part of a snapshot. Use it from one thread at a time; different ones are independent.
class SnapshotRows {
 public:
  virtual ~SnapshotRows() = default;

  // nullopt: there are no more. Not to be called again after an error. See CollectionSnapshot.
  virtual Result<std::optional<SnapshotRecord>> Next(const std::stop_token& stop) = 0;
};

// The stored rows of one collection. A row is in it exactly if its time is at or below the takeover
// of its vchannel and it was not deleted by then. The exception are keys that were written between
// the takeover and SeenUntil: they may be in it with any of their rows of that time, or not at all.
//
// Errors while it is read. kNotFound: the source has removed a file meanwhile, because its rows are
// in another one by now: plan again. kDataLoss: a file is damaged; nothing of the damaged part was
// delivered. kUnavailable: the storage cannot be reached. kCancelled: stopped. The message names
// the file.
//
// Thread-safe: its parts may be read at the same time, and in any order.
class CollectionSnapshot {
 public:
  // Some rows of a shard that are read, and noted as copied, as a whole: a few MB to a few hundred.
  // In a later plan of the same takeovers a part with this id has the same rows.
  struct Part {
    int64_t id = 0;     // of this part only, among all of the collection
    int64_t rows = 0;   // stored; some may be deleted
    int64_t bytes = 0;  // roughly
  };
  struct Shard {
    Takeover takeover;
    std::vector<Part> parts;  // best read in this order
  };

  virtual ~CollectionSnapshot() = default;

  // By vchannel, all of the collection's.
  virtual const std::map<std::string, Shard>& shards() const = 0;

  // Reads the rows of one of the shard's parts. Must not outlive this.
  virtual std::unique_ptr<SnapshotRows> Read(const std::string& vchannel, int64_t part) const = 0;

  // Reads their keys, which is much less to read: records as those of Read, but without any field
  // except the primary key.
  virtual std::unique_ptr<SnapshotRows> ReadKeys(const std::string& vchannel,
                                                 int64_t part) const = 0;

  // Call it when everything has been read: a time at or above that of every row delivered by this
  // snapshot and by earlier ones with the same takeover. Inserts of the log up to it may have been
  // delivered. 0: no row is later than its takeover.
  //
  // kUnavailable, kDeadlineExceeded: the source does not answer.
  virtual Result<Timestamp> SeenUntil(const std::stop_token& /*stop*/) const { return Timestamp{}; }
};

// The rows that a source has stored, which its queue may no longer hold. Thread-safe.
class SnapshotSource {
 public:
  virtual ~SnapshotSource() = default;

  // Finds what is stored of `collection`, as far as `selection` covers it. `takeover`: where the
  // log has to take over, as planned before; empty: where it can now.
  //
  // kInvalidArgument: the filter is no expression that the source accepts; says why.
  // kUnavailable: not reachable. kAborted: of this collection not now, e.g. the source is changing
  // its files, or has not loaded it. kFailedPrecondition: the storage is not that source's, or of a
  // version that cannot be read. kPermissionDenied. The message says what was looked for, and
  // where.
  virtual Result<std::unique_ptr<CollectionSnapshot>> Plan(
      const Collection& collection,
      const std::map<std::string, Takeover>& takeover,
      const CopySelection& selection,
      const std::stop_token& stop) = 0;
};

}  // namespace cdc
