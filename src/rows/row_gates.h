#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "model/ids.h"
#include "model/rows.h"

namespace cdc {

// Where the rows of a source collection go.
struct RowGate {
  CollectionName target;
  std::string primary_key;
  std::vector<FieldId> function_outputs;
  Timestamp may_hold_until;    // the target may already hold inserts up to it: they become upserts
  bool partition_key = false;  // the target routes rows to partitions itself
  std::set<PartitionId> partitions;  // those that exist on the target
  std::map<PartitionId, std::string> names;
};

// Lets the rows of collections and partitions through to the target, holds them back, or discards
// them. A collection is closed until it is opened. Thread-safe; no call waits for the target.
class RowGates {
 public:
  virtual ~RowGates() = default;

  // Lets rows through, including those held back by Close.
  virtual void Open(CollectionId collection, RowGate gate) = 0;

  // Holds back all rows of a collection that is about to be renamed on the target, including calls
  // that wait to be repeated. Calls in flight end by themselves: see HasCalls.
  virtual void Close(CollectionId collection) = 0;
  // Undoes Close: from now on every row goes to `target`, including those of repeated calls.
  virtual void Reopen(CollectionId collection, const CollectionName& target) = 0;
  // Whether a call is in flight. A call that waits to be repeated does not count.
  virtual bool HasCalls(CollectionId collection) const = 0;

  // Acknowledges the waiting rows, and all that arrive later, without writing them.
  virtual void Discard(CollectionId collection) = 0;
  virtual void DiscardPartition(CollectionId collection, PartitionId partition) = 0;
  // Frees the state of a collection. Call it once the collection is idle and none of its rows can
  // arrive any more.
  virtual void Forget(CollectionId collection) = 0;

  // Whether no row waits or is in flight.
  virtual bool Idle(CollectionId collection) const = 0;
  virtual bool PartitionIdle(CollectionId collection, PartitionId partition) const = 0;

  // The partitions with waiting rows.
  virtual std::map<CollectionId, std::set<PartitionId>> WaitingPartitions() const = 0;
};

}  // namespace cdc
