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
  Timestamp may_hold_until;          // inserts up to it may be there already: they are upserted
  bool partition_key = false;        // the target routes rows to partitions itself
  std::set<PartitionId> partitions;  // that exist on the target
  std::map<PartitionId, std::string> names;
};

// Lets the rows of collections and partitions through to the target, holds them back, or leaves
// them out. A collection is closed until it is opened. Thread-safe; no call waits for the target.
class RowGates {
 public:
  virtual ~RowGates() = default;

  // Lets rows through, including those held back by Close.
  virtual void Open(CollectionId collection, RowGate gate) = 0;

  // Holds back all rows of a collection that is about to be renamed on the target, and the repeats
  // of failed calls. Calls in flight end by themselves: see HasCalls.
  virtual void Close(CollectionId collection) = 0;
  // Undoes Close: from now on every row, also of calls to be repeated, goes to `target`.
  virtual void Reopen(CollectionId collection, const CollectionName& target) = 0;
  // Whether a call is in flight; one that waits to be repeated is not.
  virtual bool HasCalls(CollectionId collection) const = 0;

  // Acknowledges the rows that wait, and those still to come, without writing them.
  virtual void Discard(CollectionId collection) = 0;
  virtual void DiscardPartition(CollectionId collection, PartitionId partition) = 0;
  // Frees what is kept about a collection, once it is idle and no row of it can come any more.
  virtual void Forget(CollectionId collection) = 0;

  // Whether nothing of it waits or is in flight.
  virtual bool Idle(CollectionId collection) const = 0;
  virtual bool PartitionIdle(CollectionId collection, PartitionId partition) const = 0;

  // The partitions that have rows waiting.
  virtual std::map<CollectionId, std::set<PartitionId>> WaitingPartitions() const = 0;
};

}  // namespace cdc
