#include "rows/row_writer.h"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/fault_point.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kIdleWait{60'000};

bool MayGo(const RowGate& gate, const Message& message) {
  return gate.partition_key || message.partition == kAllPartitions ||
         gate.partitions.contains(message.partition);
}

// Where TaskCounts has the bytes of stored rows, whatever channel the log of their shard has.
constexpr const char* kStored = "";

}  // namespace

RowWriter::RowWriter(RowSink* sink,
                     SendHorizon* horizon,
                     Options options,
                     ConditionBoard* conditions,
                     std::function<void(CollectionId, const Status&)> on_fatal,
                     std::function<void()> on_progress)
    : sink_(sink),
      horizon_(horizon),
      options_(std::move(options)),
      first_call_(options_.clock->Now() + options_.doubt_grace),
      conditions_(conditions),
      on_fatal_(std::move(on_fatal)),
      on_progress_(std::move(on_progress)),
      seeds_(options_.seed) {}

void RowWriter::Push(CollectionId collection,
                     const std::string& lane_name,
                     const std::shared_ptr<AckTracker>& tracker,
                     std::vector<PendingRows> rows) {
  MutexLock lock(mutex_);
  if (discarded_.contains(collection)) {
    for (PendingRows& each : rows) {
      each.tracker = tracker;
    }
    Acknowledge(rows);
    return;
  }
  CollectionLanes& lanes = collections_[collection];
  std::unique_ptr<Lane>& lane = lanes.lanes[lane_name];
  if (lane == nullptr) {
    lane = std::make_unique<Lane>();
  }
  CountReadLocked(collection, *tracker, rows);
  for (PendingRows& each : rows) {
    each.tracker = tracker;
    if (lanes.discarded.contains(each.message->partition)) {
      Acknowledge({std::move(each)});
      continue;
    }
    bytes_waiting_ += each.bytes;
    // Rows pushed before the gate is known are converted by Open.
    if (lanes.gate != nullptr) {
      each.UpsertUntil(lanes.gate->may_hold_until);
    }
    lane->Push(std::move(each));
  }
  dirty_ = true;
  changed_.NotifyAll();
}

TaskCounts RowWriter::counts() const {
  MutexLock lock(mutex_);
  return counts_;
}

uint64_t RowWriter::bytes_waiting() const {
  MutexLock lock(mutex_);
  return bytes_waiting_;
}

void RowWriter::Acknowledge(const std::vector<PendingRows>& rows) {
  for (const PendingRows& each : rows) {
    for (const AckTracker::Ticket ticket : each.tickets) {
      each.tracker->Ack(ticket);
    }
  }
}

RowBatch RowWriter::MakeBatch(const RowGate& gate, const Lane::Batch& batch) const {
  RowBatch rows;
  rows.op = batch.rows.front().op;
  rows.target = gate.target;
  rows.primary_key = gate.primary_key;
  rows.function_outputs = gate.function_outputs;
  const PartitionId partition = batch.rows.front().message->partition;
  // With a partition key, Milvus refuses requests that name a partition.
  if (!gate.partition_key && partition != kAllPartitions) {
    rows.partition = gate.names.at(partition);
  }
  for (const PendingRows& each : batch.rows) {
    rows.messages.push_back(each.message);
    if (rows.op == RowOp::kDelete) {
      rows.deletes.push_back(each.message->keys);
    }
  }
  rows.rows = batch.keys;
  rows.bytes = batch.bytes;
  return rows;
}

bool RowWriter::DispatchCollectionLocked(CollectionId id, CollectionLanes& lanes) {
  if (lanes.gate == nullptr || lanes.closed) {
    return false;
  }
  bool started = false;
  for (auto& [name, lane] : lanes.lanes) {
    if (lane->empty() || lane->calls() >= options_.max_calls_per_lane ||
        calls_ >= options_.max_calls) {
      continue;
    }
    // The newest row and not the first one that waits: one new horizon should cover all of them.
    const RowGate& gate = *lanes.gate;
    const Timestamp reach =
        lane->channel().empty() ? Timestamp{} : horizon_->Reach(lane->channel(), lane->newest());
    Lane::Batch batch = lane->Take(
        options_.limits, reach, [&gate](const Message& message) { return MayGo(gate, message); });
    if (batch.rows.empty()) {
      continue;
    }
    ++lanes.unfinished_calls[batch.rows.front().message->partition];
    auto call = std::make_shared<Call>(Call{.collection = id,
                                            .lane = lane.get(),
                                            .batch = {},
                                            .rows = MakeBatch(gate, batch),
                                            .backoff = Backoff(options_.backoff, seeds_()),
                                            .due = {},
                                            .failing_since = {}});
    call->batch = std::move(batch);
    StartLocked(std::move(call));
    started = true;
  }
  return started;
}

void RowWriter::DispatchLocked() {
  // All collections in turn, each time beginning with another one, until no call can start: a busy
  // collection must not take all calls.
  bool started = true;
  while (started && calls_ < options_.max_calls) {
    started = false;
    size_t index = 0;
    const size_t first = collections_.empty() ? 0 : next_collection_++ % collections_.size();
    for (int round = 0; round < 2; ++round) {
      index = 0;
      for (auto& [id, lanes] : collections_) {
        const bool mine = (index++ >= first) == (round == 0);
        if (mine && calls_ < options_.max_calls) {
          started = DispatchCollectionLocked(id, lanes) || started;
        }
      }
    }
  }
}

// The call itself is made by Turn, after the lock is released.
void RowWriter::StartLocked(CallPtr call) {
  ++calls_;
  ++collections_[call->collection].calls_in_flight;
  to_start_.push_back(std::move(call));
}

void RowWriter::CountReadLocked(CollectionId collection,
                                const AckTracker& tracker,
                                const std::vector<PendingRows>& rows) {
  if (rows.empty()) {
    return;
  }
  CountsByOp& keys = counts_.collections[collection].rows.read;
  // Those of one push are all of the log, or all copied.
  CountsByOp& bytes = counts_.bytes[rows.front().copied ? kStored : tracker.channel()].read;
  for (const PendingRows& each : rows) {
    keys.Of(each.op) += each.keys.size();
    bytes.Of(each.op) += each.bytes;
  }
}

void RowWriter::CountWrittenLocked(const Call& call) {
  const RowOp op = call.rows.op;
  counts_.collections[call.collection].rows.written.Of(op) += call.rows.rows;
  uint64_t copied = 0;
  for (const PendingRows& each : call.batch.rows) {
    copied += each.copied ? each.bytes : 0;
  }
  if (copied > 0) {
    counts_.bytes[kStored].written.Of(op) += copied;
  }
  if (call.batch.bytes > copied) {
    counts_.bytes[call.lane->channel()].written.Of(op) += call.batch.bytes - copied;
  }
}

void RowWriter::FinishLocked(Call& call, bool acknowledge) {
  CollectionLanes& lanes = collections_[call.collection];
  --lanes.unfinished_calls[call.batch.rows.front().message->partition];
  call.lane->Finish(call.batch);
  bytes_waiting_ -= call.batch.bytes;
  if (acknowledge) {
    Acknowledge(call.batch.rows);
  }
}

void RowWriter::HandleDoneLocked(const CallPtr& call, const WriteResult& result) {
  --calls_;
  --collections_[call->collection].calls_in_flight;
  if (result.status.ok()) {
    FaultPoint("before_ack");
    conditions_->Set("write " + call->rows.target.ToString(), OkStatus());
    CountWrittenLocked(*call);
    FinishLocked(*call, true);
    FaultPoint("after_ack");
    return;
  }
  // The collection was discarded meanwhile: nobody needs the rows, whatever became of them.
  if (discarded_.contains(call->collection)) {
    FinishLocked(*call, true);
    return;
  }
  call->in_doubt = call->in_doubt || result.in_doubt;
  const std::string what = "write " + call->rows.target.ToString();
  // At a stop, failed calls are left to the next run: it repeats them, because they are not
  // acknowledged.
  if (stopping_ || !IsTransientLocked(*call, result.status)) {
    doubt_left_ = doubt_left_ || call->in_doubt;
    FinishLocked(*call, false);
    if (!stopping_) {
      fatal_ = result.status.WithContext(what);
      if (result.status.code() == StatusCode::kNotFound) {
        fatal_ = NotFoundError(fatal_.message() +
                               "; if it has been removed from the target, its rows are gone too: "
                               "run `milvus-cdc task snapshot` for this collection");
      }
      fatal_collection_ = call->collection;
      stopping_ = true;
    }
    return;
  }
  // An insert that may have been executed is repeated as an upsert, so that no row is doubled.
  if (call->in_doubt && call->rows.op == RowOp::kInsert) {
    call->rows.op = RowOp::kUpsert;
  }
  // Only the first failure is logged; the condition shows that the call is still being retried.
  if (call->backoff.attempts() == 0) {
    warnings_.push_back(what + ": " + result.status.ToString() + "; retrying");
  }
  conditions_->Set(what, result.status);
  call->due = options_.clock->Now() + call->backoff.Next();
  retries_.push_back(call);
}

bool RowWriter::IsTransientLocked(Call& call, const Status& status) {
  const auto now = options_.clock->Now();
  // Another code is another failure, with a grace period of its own.
  if (call.failing_with != status.code()) {
    call.failing_with = status.code();
    call.failing_since = now;
  }
  switch (status.code()) {
    case StatusCode::kNotFound:
      // The target's nodes learn about new collections one after another.
      return now - call.failing_since < options_.missing_grace;
    case StatusCode::kInternal:
    case StatusCode::kUnknown: return now - call.failing_since < options_.internal_grace;
    default: return IsRetryable(status);
  }
}

void RowWriter::RetryDueLocked() {
  const auto now = options_.clock->Now();
  std::vector<CallPtr> later;
  for (CallPtr& call : retries_) {
    if (discarded_.contains(call->collection)) {
      FinishLocked(*call, true);
    } else if (call->due <= now && !IsClosedLocked(call->collection)) {
      // The collection may have been renamed since the last attempt.
      const RowGate& gate = *collections_[call->collection].gate;
      call->rows.target = gate.target;
      // Or another task may have written its rows meanwhile.
      if (call->rows.op == RowOp::kInsert &&
          std::any_of(call->batch.rows.begin(), call->batch.rows.end(), [&gate](const auto& rows) {
            return rows.message->ts <= gate.may_hold_until;
          })) {
        call->rows.op = RowOp::kUpsert;
      }
      StartLocked(std::move(call));
    } else {
      later.push_back(std::move(call));
    }
  }
  retries_ = std::move(later);
}

milliseconds RowWriter::NextWaitLocked() const {
  milliseconds wait = kIdleWait;
  const auto now = options_.clock->Now();
  // Durations are rounded down, hence the extra millisecond: without it, the thread would wake up
  // just before the time and spin.
  const auto wait_for = [&wait, now](Clock::TimePoint due) {
    const auto left = std::chrono::duration_cast<milliseconds>(due - now) + milliseconds(1);
    wait = std::clamp(left, milliseconds(1), wait);
  };
  if (now < first_call_) {
    wait_for(first_call_);
  }
  for (const CallPtr& call : retries_) {
    if (!IsClosedLocked(call->collection)) {
      wait_for(call->due);
    }
  }
  return wait;
}

void RowWriter::Run(const std::stop_token& stop, milliseconds drain) {
  while (!stop.stop_requested()) {
    WaitForWork(stop);
    Turn(stop);
  }
  Drain(drain);
}

void RowWriter::WaitForWork(const std::stop_token& stop) {
  MutexLock lock(mutex_);
  changed_.WaitFor(lock, stop, NextWaitLocked(), [this] { return dirty_ || !done_.empty(); });
}

void RowWriter::Wake() {
  MutexLock lock(mutex_);
  dirty_ = true;
  changed_.NotifyAll();
}

void RowWriter::Turn(const std::stop_token& stop) {
  // Collected under the lock and carried out after it: logging is I/O, and callbacks may query the
  // writer.
  std::vector<CallPtr> start;
  std::vector<std::string> warnings;
  Status fatal;
  CollectionId fatal_collection;
  bool progress = false;
  {
    MutexLock lock(mutex_);
    dirty_ = false;
    progress = !done_.empty();
    for (const auto& [call, result] : std::exchange(done_, {})) {
      HandleDoneLocked(call, result);
    }
    if (!stopping_ && !stop.stop_requested() && options_.clock->Now() >= first_call_) {
      RetryDueLocked();
      DispatchLocked();
    }
    start = std::exchange(to_start_, {});
    fatal = std::exchange(fatal_, {});
    fatal_collection = fatal_collection_;
    warnings = std::exchange(warnings_, {});
  }
  for (const std::string& warning : warnings) {
    spdlog::warn("{}", warning);
  }
  if (!fatal.ok()) {
    on_fatal_(fatal_collection, fatal);
  }
  // Not under the lock: a sink may call back before Write returns.
  for (const CallPtr& call : start) {
    FaultPoint("before_send");
    sink_->Write(call->rows, [this, call](const WriteResult& result) {
      MutexLock lock(mutex_);
      done_.emplace_back(call, result);
      changed_.NotifyAll();
    });
    FaultPoint("after_send");
  }
  if (progress) {
    on_progress_();
  }
}

void RowWriter::Drain(milliseconds drain) {
  const auto wait_for_calls = [this](milliseconds timeout) {
    MutexLock lock(mutex_);
    stopping_ = true;  // a failed call is not repeated any more
    const auto deadline = options_.clock->Now() + timeout;
    while (calls_ > 0 && options_.clock->Now() < deadline) {
      const auto left = std::chrono::duration_cast<milliseconds>(deadline - options_.clock->Now()) +
                        milliseconds(1);
      changed_.WaitFor(lock, std::stop_token(), left, [this] { return !done_.empty(); });
      for (const auto& [call, result] : std::exchange(done_, {})) {
        HandleDoneLocked(call, result);
      }
    }
    return calls_ == 0;
  };
  // A cancelled call still ends with its callback, which tells whether it is in doubt.
  if (!wait_for_calls(drain)) {
    sink_->CancelWrites();
    wait_for_calls(milliseconds(5'000));
  }
  // A call that never ended, or that waited to be repeated, may have been executed, too.
  MutexLock lock(mutex_);
  doubt_left_ = doubt_left_ || calls_ > 0 ||
                std::any_of(retries_.begin(), retries_.end(),
                            [](const CallPtr& call) { return call->in_doubt; });
}

}  // namespace cdc
