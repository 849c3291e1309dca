#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/catalog.h"
#include "model/copy_selection.h"
#include "model/primary_key.h"
#include "model/takeover.h"
#include "progress/ack_tracker.h"
#include "rows/row_consumer.h"
#include "rows/row_gates.h"
#include "sink/key_reader.h"
#include "snapshot/key_set.h"
#include "source/snapshot_source.h"

namespace cdc {

// Removes from the target the rows of a collection that the source does not have, before those that
// it has are copied, and once more after: for a copy into a collection that the target had before.
//
// It compares keys: those of the source's stored rows at the takeovers, and those that the target
// holds, partition by partition. (An upsert of Milvus 2.3 leaves the key in other partitions.) The
// keys of the source are held in memory, at most `set_bytes` of them at once: of more, first those
// with a hash of one kind are compared, then the others. What is not the source's goes the way of
// the source's own deletes. The target is read until nothing is found any more: a Milvus may leave
// out keys while it holds others twice.
//
// Nothing is stored: after a crash it is done again. Attempts belong to one thread.
class SurplusRemoval {
 public:
  // Waits until `reached`; an error ends the removal.
  using WaitUntil = std::function<Status(const std::function<bool()>& reached)>;

  struct Parts {
    SnapshotSource* source;
    KeyReader* target;  // nullptr: the target's rows cannot be read
    RowConsumer* consumer;
    // Where the collection's rows go; nullopt: the target's collection does not exist yet, or is
    // being renamed.
    std::function<std::optional<RowGate>(CollectionId)> gate;
    CopySelection selection = {};  // the partitions that are compared; without a filter
    std::string channel;           // of the tracker
    // Each shard of the target is written by itself (a standby), so all have to be told of a
    // delete.
    bool tell_all_shards = false;
    bool dry_run = false;  // the target keeps the rows, so it is looked at once
    size_t set_bytes = 256U << 20;
  };

  explicit SurplusRemoval(Parts parts);

  // Ok: the target has acknowledged it. Does nothing if the collection was created for this copy,
  // as its gate says. Errors: see SnapshotSource, CollectionSnapshot and KeyReader.
  // kFailedPrecondition: among others, single partitions of this target cannot be compared.
  Status Run(const Collection& collection,
             const std::map<std::string, Takeover>& takeover,
             const WaitUntil& wait_until,
             const std::stop_token& stop);

 private:
  struct Attempt;

  Result<RowGate> WaitForGate(const Attempt& attempt) const;
  Result<KeySet> ReadSource(const Attempt& attempt, KeyShare* share, std::vector<KeyShare>* later);
  Status ReadPlan(const Attempt& attempt,
                  const CollectionSnapshot& plan,
                  KeyShare* share,
                  std::vector<KeyShare>* later,
                  KeySet* keys);
  Status AddKeys(const Attempt& attempt,
                 SnapshotRecord record,
                 const KeyShare& share,
                 KeySet* keys);
  Result<bool> RemoveOthers(const Attempt& attempt, const KeyShare& share, const KeySet& keys);
  bool IsSelected(const Collection& collection, PartitionId partition) const;
  Result<bool> RemoveOthersOf(const Attempt& attempt,
                              PartitionId partition,
                              const KeyShare& share,
                              const KeySet& keys);
  Status Delete(const Attempt& attempt, PartitionId partition, const std::vector<PrimaryKey>& keys);
  Status Push(const Attempt& attempt, std::string record);

  const Parts parts_;
  // Each delete is a group with the next number as its time.
  const std::shared_ptr<AckTracker> tracker_;
  uint64_t last_delete_ = 0;
};

}  // namespace cdc
