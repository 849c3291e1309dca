#include "snapshot/collection_copy.h"

#include <chrono>
#include <utility>
#include <vector>

#include "base/fault_point.h"
#include "decode/decode.h"

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
                .channel = kSnapshotChannel,
                .tell_all_shards = parts_.tell_all_shards}),
      counts_(progress_.done
                  ? Counts{progress_.rows, progress_.rows, progress_.bytes, progress_.bytes}
                  : Counts{}) {}

Status CollectionCopy::Attempt(const Collection& collection, const std::stop_token& stop) {
  // Whatever ended an earlier attempt: what it sent and did not note may be on the target, and the
  // next plan may find it in other segments.
  upsert_ = progress_.begun;
  CDC_RETURN_IF_ERROR(CheckTakeover(collection));
  CDC_ASSIGN_OR_RETURN(const std::unique_ptr<CollectionSnapshot> plan,
                       parts_.source->Plan(collection, progress_.takeover, stop));
  CDC_RETURN_IF_ERROR(BeginPlan(*plan));
  for (const auto& [vchannel, shard] : plan->shards()) {
    for (const CollectionSnapshot::Part& part : shard.parts) {
      if (!progress_.segments.contains(part.id)) {
        CDC_RETURN_IF_ERROR(CopyPart(collection, *plan, vchannel, part, stop));
      }
    }
  }
  CDC_RETURN_IF_ERROR(
      WaitUntil([this] { return tracker_->checkpoint().value == last_record_; }, stop));
  CDC_RETURN_IF_ERROR(NoteFinished());
  CDC_RETURN_IF_ERROR(surplus_.Run(
      collection, progress_.takeover,
      [&](const std::function<bool()>& reached) { return WaitUntil(reached, stop); }, stop));
  FaultPoint("before_snapshot_done");
  SnapshotProgress done = progress_;
  done.done = true;
  done.segments.clear();  // they are stored
  done.rows = counts().total_rows;
  done.bytes = counts().total_bytes;
  CDC_RETURN_IF_ERROR(parts_.store->PutSnapshot(parts_.task_id, done));
  progress_.done = true;
  FaultPoint("after_snapshot_done");
  MutexLock lock(mutex_);
  counts_.rows = counts_.total_rows;
  counts_.bytes = counts_.total_bytes;
  return OkStatus();
}

// The log must still hold what comes after the copy, however long the task was paused.
Status CollectionCopy::CheckTakeover(const Collection& collection) const {
  for (size_t shard = 0; shard < collection.vchannels.size(); ++shard) {
    const auto takeover = progress_.takeover.find(collection.vchannels[shard]);
    if (takeover == progress_.takeover.end() || takeover->second.position.empty()) {
      continue;
    }
    const Status held =
        parts_.log->CheckPosition(collection.pchannels[shard], {.id = takeover->second.position});
    if (held.code() == StatusCode::kOutOfRange) {
      return Status(held.code(),
                    held.message() +
                        ": the queue no longer holds what came after the copy began; make its "
                        "retention longer than the copy takes, delete the task, drop the "
                        "collection on the target, and create the task again");
    }
    CDC_RETURN_IF_ERROR(held);
  }
  return OkStatus();
}

Status CollectionCopy::BeginPlan(const CollectionSnapshot& plan) {
  Counts counts;
  for (const auto& [vchannel, shard] : plan.shards()) {
    for (const CollectionSnapshot::Part& part : shard.parts) {
      const bool done = progress_.segments.contains(part.id);
      counts.total_rows += part.rows;
      counts.total_bytes += part.bytes;
      counts.rows += done ? part.rows : 0;
      counts.bytes += done ? part.bytes : 0;
    }
  }
  {
    MutexLock lock(mutex_);
    counts_ = counts;
  }
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
  progress_ = std::move(next);
  return OkStatus();
}

Status CollectionCopy::CopyPart(const Collection& collection,
                                const CollectionSnapshot& plan,
                                const std::string& vchannel,
                                const CollectionSnapshot::Part& part,
                                const std::stop_token& stop) {
  const std::string lane = std::string(kSnapshotChannel) + " " + vchannel;
  const std::unique_ptr<SnapshotRows> rows = plan.Read(vchannel, part.id);
  for (;;) {
    if (parts_.clock->Now() >= check_again_) {
      CDC_RETURN_IF_ERROR(CheckTakeover(collection));
      check_again_ = parts_.clock->Now() + kCheckTakeover;
    }
    CDC_ASSIGN_OR_RETURN(std::optional<SnapshotRecord> record, rows->Next(stop));
    if (!record.has_value()) {
      ends_[last_record_].push_back(part);  // it has been read completely
      return NoteFinished();
    }
    if (!parts_.exists(collection.id)) {
      return CancelledError("the source has dropped the collection");
    }
    CDC_RETURN_IF_ERROR(NoteBegun());
    CDC_RETURN_IF_ERROR(Push(collection, lane, *std::move(record)));
    CDC_RETURN_IF_ERROR(NoteFinished());
    CDC_RETURN_IF_ERROR(
        WaitUntil([this] { return tracker_->pending_bytes() < parts_.waiting_bytes; }, stop));
  }
}

Status CollectionCopy::Push(const Collection& collection,
                            const std::string& lane,
                            SnapshotRecord record) {
  const Field* key = collection.schema.PrimaryKey();
  if (key == nullptr) {
    return DataLossError("the collection has no primary key");
  }
  CDC_ASSIGN_OR_RETURN(MessagePtr message, DecodeMessage(MsgId{}, std::move(record.payload)));
  CDC_ASSIGN_OR_RETURN(PendingRows rows, MakeRows(upsert_ ? RowOp::kUpsert : RowOp::kInsert,
                                                  std::move(message), KeyFieldOf(*key)));
  ++last_record_;
  const uint64_t group =
      tracker_->AddGroup(Timestamp{last_record_}, MsgId{},
                         {{.id = MsgId{}, .bytes = rows.bytes, .rows = record.rows}});
  rows.tickets = {{.group = group, .index = 0}};
  std::vector<PendingRows> pushed;
  pushed.push_back(std::move(rows));
  parts_.consumer->Push(collection.id, lane, tracker_, std::move(pushed));
  return OkStatus();
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
                        .takeover = {},
                        .begun = true,
                        .done = false,
                        .segments = {}};
  const uint64_t reached = tracker_->checkpoint().value;
  auto end = ends_.begin();
  Counts added;
  for (; end != ends_.end() && end->first <= reached; ++end) {
    for (const CollectionSnapshot::Part& part : end->second) {
      next.segments.insert(part.id);
      added.rows += part.rows;
      added.bytes += part.bytes;
    }
  }
  if (next.segments.empty()) {
    return OkStatus();
  }
  CDC_RETURN_IF_ERROR(parts_.store->PutSnapshot(parts_.task_id, next));
  FaultPoint("after_snapshot_segment");
  progress_.segments.merge(next.segments);
  ends_.erase(ends_.begin(), end);
  MutexLock lock(mutex_);
  counts_.rows += added.rows;
  counts_.bytes += added.bytes;
  return OkStatus();
}

Status CollectionCopy::WaitUntil(const std::function<bool()>& reached,
                                 const std::stop_token& stop) {
  while (!reached()) {
    if (stop.stop_requested()) {
      return CancelledError("stopped");
    }
    if (!parts_.exists(progress_.collection)) {
      return CancelledError("the source has dropped the collection");
    }
    MutexLock lock(mutex_);
    progressed_.WaitFor(lock, stop, kLookAgain, [this] { return progress_made_; });
    progress_made_ = false;
  }
  return OkStatus();
}

void CollectionCopy::OnProgress() {
  MutexLock lock(mutex_);
  progress_made_ = true;
  progressed_.NotifyAll();
}

CollectionCopy::Counts CollectionCopy::counts() const {
  MutexLock lock(mutex_);
  return counts_;
}

}  // namespace cdc
