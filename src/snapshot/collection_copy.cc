#include "snapshot/collection_copy.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/fault_point.h"
#include "base/thread.h"
#include "decode/decode.h"
#include "rows/make_rows.h"
#include "snapshot/check_takeovers.h"

namespace cdc {
namespace {

// Rows that are discarded are acknowledged without a report, so waits look again now and then.
constexpr std::chrono::milliseconds kLookAgain{100};
// Between two looks whether the queue still holds the takeovers.
constexpr std::chrono::minutes kCheckTakeover{1};

}  // namespace

CollectionCopy::CollectionCopy(Parts parts, SnapshotProgress progress)
    : parts_(std::move(parts)),
      progress_(std::move(progress)),
      tracker_(std::make_shared<AckTracker>(kSnapshotChannel, MsgId{}, Timestamp{})),
      surplus_({.source = parts_.source,
                .target = parts_.target_keys,
                .consumer = parts_.consumer,
                .gate = parts_.gate,
                .selection = progress_.selection,
                .channel = kSnapshotChannel,
                .tell_all_shards = parts_.tell_all_shards,
                .dry_run = parts_.dry_run}),
      log_(progress_.log),
      ledger_(tracker_, parts_.clock) {
  if (progress_.done) {
    ledger_.SetDone(progress_.rows, progress_.bytes);
  }
}

Status CollectionCopy::Attempt(const Collection& collection, const std::stop_token& stop) {
  // Whatever ended an earlier attempt: what it sent and did not note may be on the target, and the
  // next plan may find it in other parts.
  upsert_ = progress_.begun;
  CDC_RETURN_IF_ERROR(CheckTakeover(collection));
  CDC_ASSIGN_OR_RETURN(
      const std::unique_ptr<CollectionSnapshot> plan,
      parts_.source->Plan(collection, progress_.takeover, progress_.selection, stop));
  CDC_RETURN_IF_ERROR(BeginPlan(*plan));
  CDC_RETURN_IF_ERROR(PrepareTarget(collection, stop));
  CDC_RETURN_IF_ERROR(CopyAll(collection, *plan, stop));
  CDC_RETURN_IF_ERROR(RemoveSurplus(collection, stop));
  // Known only now, and stored before the log is read.
  CDC_ASSIGN_OR_RETURN(const Timestamp seen_until, plan->SeenUntil(stop));
  FaultPoint("before_snapshot_done");
  const CopyLedger::Counts counts = ledger_.counts();
  SnapshotProgress done = progress_;
  done.done = true;
  for (auto& [vchannel, takeover] : done.takeover) {
    takeover.seen_until = seen_until;
  }
  done.segments.clear();  // they are stored
  done.rows = counts.total_rows;
  done.bytes = counts.total_bytes;
  CDC_RETURN_IF_ERROR(parts_.store->PutSnapshot(parts_.task_id, done));
  progress_.done = true;
  progress_.takeover = done.takeover;
  ledger_.SetDone(done.rows, done.bytes);
  FaultPoint("after_snapshot_done");
  return OkStatus();
}

Result<bool> CollectionCopy::TryToApplyLog() {
  if (progress_.log != CopyLog::kWillApply || progress_.done) {
    return false;
  }
  const std::optional<RowGate> gate = parts_.gate(progress_.collection);
  if (!gate.has_value()) {
    return false;
  }
  SnapshotProgress next = progress_;
  next.log = gate->may_hold_until == Timestamp{} ? CopyLog::kApplied : CopyLog::kWaits;
  next.segments.clear();  // they are stored
  // Durable before the first row of the log is applied: its keys are stored only then.
  CDC_RETURN_IF_ERROR(parts_.store->PutSnapshot(parts_.task_id, next));
  progress_.log = next.log;
  log_ = next.log;
  return next.log == CopyLog::kApplied;
}

// The log must still hold what comes after the copy, however long the task was paused. A log that
// is applied meanwhile has its own place.
Status CollectionCopy::CheckTakeover(const Collection& collection) const {
  if (progress_.log == CopyLog::kApplied) {
    return OkStatus();
  }
  Status held = CheckTakeovers(collection, progress_.takeover, parts_.log);
  if (held.code() == StatusCode::kOutOfRange) {
    return Status(held.code(),
                  held.message() +
                      ": the queue no longer holds what came after the copy began; make its "
                      "retention longer than the copy takes and run `milvus-cdc task retry`, "
                      "which copies it again");
  }
  return held;
}

Status CollectionCopy::PrepareTarget(const Collection& collection, const std::stop_token& stop) {
  std::optional<RowGate> gate;
  CDC_RETURN_IF_ERROR(WaitUntil(
      [&] {
        gate = parts_.gate(collection.id);
        return gate.has_value();
      },
      stop));
  // Whatever times the gate knows: the rows may be later, above all those that are queried.
  upsert_ = upsert_ || gate->may_hold_until > Timestamp{};
  // Before the first row, too: a target that is not loaded shows at once, and what was removed at
  // the beginning is not left for the end.
  if (!cleared_ && progress_.segments.empty()) {
    CDC_RETURN_IF_ERROR(RemoveSurplus(collection, stop));
    cleared_ = true;
  }
  return OkStatus();
}

Status CollectionCopy::RemoveSurplus(const Collection& collection, const std::stop_token& stop) {
  if (progress_.log == CopyLog::kApplied || !progress_.selection.Replaces()) {
    return OkStatus();  // the target had nothing of it, or nothing is to be removed
  }
  return surplus_.Run(
      collection, progress_.takeover,
      [&](const std::function<bool()>& reached) { return WaitUntil(reached, stop); }, stop);
}

Status CollectionCopy::BeginPlan(const CollectionSnapshot& plan) {
  ledger_.Begin(plan, progress_.segments);
  if (!progress_.takeover.empty()) {
    return OkStatus();
  }
  // Before the first row is sent: a later plan could have the log take over later, and leave out
  // rows that a compaction has removed meanwhile.
  SnapshotProgress next = progress_;
  for (const auto& [vchannel, shard] : plan.shards()) {
    next.takeover[vchannel] = shard.takeover;
  }
  CDC_RETURN_IF_ERROR(parts_.store->PutSnapshot(parts_.task_id, next));
  // The rest is read by other threads.
  progress_.takeover = std::move(next.takeover);
  return OkStatus();
}

Status CollectionCopy::CopyAll(const Collection& collection,
                               const CollectionSnapshot& plan,
                               const std::stop_token& stop) {
  PartQueue queue(plan, progress_.segments);
  const size_t readers = std::min(parts_.max_parallel, queue.size());
  if (readers > 0) {
    CDC_RETURN_IF_ERROR(NoteBegun());
  }
  {
    MutexLock lock(mutex_);
    readers_ = readers;
    failure_ = OkStatus();
  }
  std::vector<Thread> threads;
  for (size_t i = 1; i <= readers; ++i) {
    threads.emplace_back("cdc-copy-" + std::to_string(i),
                         [this, &collection, &plan, &queue](const std::stop_token& ended) {
                           RunReader(collection, plan, &queue, ended);
                         });
  }
  const Status copied = WaitForReaders(collection, stop);
  for (Thread& thread : threads) {
    thread.RequestStop();  // all of them, before the first is joined
  }
  return copied;
}

// Returns once everything is acknowledged and noted, or has failed.
Status CollectionCopy::WaitForReaders(const Collection& collection, const std::stop_token& stop) {
  for (;;) {
    const uint64_t seen = Changes();
    if (stop.stop_requested()) {
      return CancelledError("stopped");
    }
    if (!parts_.exists(collection.id)) {
      return CancelledError("the source has dropped the collection");
    }
    parts_.look();
    if (parts_.clock->Now() >= check_again_) {
      CDC_RETURN_IF_ERROR(CheckTakeover(collection));
      check_again_ = parts_.clock->Now() + kCheckTakeover;
    }
    bool complete = false;
    Status failure;
    {
      MutexLock lock(mutex_);
      failure = failure_;
      complete = readers_ == 0;
    }
    complete = complete && ledger_.AllAcknowledged();
    // Before a failure, too: what is noted need not be read again.
    CDC_RETURN_IF_ERROR(NoteFinished());
    CDC_RETURN_IF_ERROR(failure);
    if (complete) {
      return OkStatus();
    }
    WaitForChange(seen, stop);
  }
}

// Durable before the first row may be on the target.
Status CollectionCopy::NoteBegun() {
  if (progress_.begun) {
    return OkStatus();
  }
  SnapshotProgress next = progress_;
  next.begun = true;
  CDC_RETURN_IF_ERROR(parts_.store->PutSnapshot(parts_.task_id, next));
  progress_.begun = true;
  return OkStatus();
}

// Notes the parts of which every row is acknowledged.
Status CollectionCopy::NoteFinished() {
  SnapshotProgress next{.collection = progress_.collection,
                        .selection = progress_.selection,
                        .takeover = {},
                        .begun = true,
                        .done = false,
                        .segments = ledger_.Advance(),
                        .log = progress_.log,
                        .expected_seconds = progress_.expected_seconds,
                        .queue_seconds = progress_.queue_seconds};
  if (next.segments.empty()) {
    return OkStatus();
  }
  CDC_RETURN_IF_ERROR(parts_.store->PutSnapshot(parts_.task_id, next));
  FaultPoint("after_snapshot_segment");
  progress_.segments.merge(next.segments);
  return OkStatus();
}

void CollectionCopy::RunReader(const Collection& collection,
                               const CollectionSnapshot& plan,
                               PartQueue* queue,
                               const std::stop_token& stop) {
  Status status;
  // An exception of a library, or a lack of memory, ends this copy but not the server.
  try {
    while (status.ok()) {
      const std::optional<PartQueue::Place> place = queue->Take();
      if (!place.has_value()) {
        break;
      }
      status = CopyPart(collection, plan, *place, stop);
      queue->Return(*place);
    }
  } catch (const std::exception& error) {
    status = InternalError(std::string("unexpected: ") + error.what());
  }
  MutexLock lock(mutex_);
  --readers_;
  if (failure_.ok()) {
    failure_ = status;
  }
  ++changes_;
  changed_.NotifyAll();
}

Status CollectionCopy::CopyPart(const Collection& collection,
                                const CollectionSnapshot& plan,
                                const PartQueue::Place& place,
                                const std::stop_token& stop) {
  const std::unique_ptr<SnapshotRows> rows = plan.Read(place.vchannel, place.part.id);
  for (;;) {
    CDC_ASSIGN_OR_RETURN(std::optional<SnapshotRecord> record, rows->Next(stop));
    if (!record.has_value()) {
      ledger_.End(place.part.id);
      OnProgress();  // a part without living rows has no acknowledgement
      return OkStatus();
    }
    if (!parts_.exists(collection.id)) {
      return CancelledError("the source has dropped the collection");
    }
    CDC_RETURN_IF_ERROR(Push(collection, place, *std::move(record), stop));
  }
}

Status CollectionCopy::Push(const Collection& collection,
                            const PartQueue::Place& place,
                            SnapshotRecord record,
                            const std::stop_token& stop) {
  const Field* key = collection.schema.PrimaryKey();
  if (key == nullptr) {
    return DataLossError("the collection has no primary key");
  }
  CDC_RETURN_IF_ERROR(
      parts_.throttle->Take(static_cast<int64_t>(record.payload.bytes.size()), stop));
  CDC_ASSIGN_OR_RETURN(MessagePtr message, DecodeMessage(MsgId{}, std::move(record.payload)));
  CDC_ASSIGN_OR_RETURN(PendingRows rows, MakeRows(upsert_ ? RowOp::kUpsert : RowOp::kInsert,
                                                  std::move(message), KeyFieldOf(*key)));
  for (;;) {
    const uint64_t seen = Changes();
    if (stop.stop_requested()) {
      return CancelledError("stopped");
    }
    if (const auto ticket =
            ledger_.Add(place.part.id, record.rows, rows.bytes, parts_.waiting_bytes)) {
      rows.tickets = {*ticket};
      break;
    }
    WaitForChange(seen, stop);
  }
  rows.copied = true;
  std::vector<PendingRows> pushed;
  pushed.push_back(std::move(rows));
  // A key has one shard, so its rows keep their order, those of the log included.
  const std::string& vchannel = record.vchannel.empty() ? place.vchannel : record.vchannel;
  parts_.consumer->Push(collection.id, vchannel, tracker_, std::move(pushed));
  return OkStatus();
}

Status CollectionCopy::WaitUntil(const std::function<bool()>& reached,
                                 const std::stop_token& stop) {
  for (;;) {
    const uint64_t seen = Changes();
    parts_.look();
    if (reached()) {
      return OkStatus();
    }
    if (stop.stop_requested()) {
      return CancelledError("stopped");
    }
    if (!parts_.exists(progress_.collection)) {
      return CancelledError("the source has dropped the collection");
    }
    WaitForChange(seen, stop);
  }
}

void CollectionCopy::OnProgress() {
  MutexLock lock(mutex_);
  ++changes_;
  changed_.NotifyAll();
}

uint64_t CollectionCopy::Changes() const {
  MutexLock lock(mutex_);
  return changes_;
}

void CollectionCopy::WaitForChange(uint64_t seen, const std::stop_token& stop) {
  MutexLock lock(mutex_);
  changed_.WaitFor(lock, stop, kLookAgain, [this, seen] { return changes_ != seen; });
}

}  // namespace cdc
