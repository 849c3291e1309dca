#include "model/task_counts.h"

namespace cdc {

uint64_t& CountsByOp::Of(RowOp op) {
  switch (op) {
    case RowOp::kInsert: return inserts;
    case RowOp::kUpsert: return upserts;
    case RowOp::kDelete: break;
  }
  return deletes;
}

void CountsByOp::Add(const CountsByOp& more) {
  inserts += more.inserts;
  upserts += more.upserts;
  deletes += more.deletes;
}

void ReadAndWritten::Add(const ReadAndWritten& more) {
  read.Add(more.read);
  written.Add(more.written);
}

void TaskCounts::Add(const TaskCounts& more) {
  for (const auto& [id, collection] : more.collections) {
    Collection& sum = collections[id];
    sum.rows.Add(collection.rows);
    if (!collection.name.empty()) {
      sum.name = collection.name;
    }
  }
  dropped_rows.Add(more.dropped_rows);
  for (const CollectionId collection : more.dropped) {
    Drop(collection);
  }
  for (const auto& [channel, count] : more.bytes) {
    bytes[channel].Add(count);
  }
  for (const auto& [call, count] : more.calls) {
    calls[call] += count;
  }
  errors += more.errors;
}

void TaskCounts::Drop(CollectionId collection) {
  dropped.insert(collection);
  const auto found = collections.find(collection);
  if (found != collections.end()) {
    dropped_rows.Add(found->second.rows);
    collections.erase(found);
  }
}

CountsByOp TaskCounts::RowsWritten() const {
  CountsByOp sum = dropped_rows.written;
  for (const auto& [id, collection] : collections) {
    sum.Add(collection.rows.written);
  }
  return sum;
}

uint64_t TaskCounts::BytesWritten() const {
  uint64_t sum = 0;
  for (const auto& [channel, count] : bytes) {
    sum += count.written.inserts + count.written.upserts + count.written.deletes;
  }
  return sum;
}

}  // namespace cdc
