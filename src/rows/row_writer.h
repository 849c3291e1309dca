#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "model/ids.h"
#include "model/rows.h"
#include "model/task_counts.h"
#include "progress/condition_board.h"
#include "progress/send_horizon.h"
#include "rows/lane.h"
#include "rows/row_consumer.h"
#include "rows/row_gates.h"
#include "sink/row_sink.h"

namespace cdc {

// Writes rows to the target: with a lane for each shard of each collection and several calls in
// flight, never two that touch the same key. Retries transient errors forever and in order.
//
// Rows wait until their collection is open, the gate holds their partition, and the send horizon is
// at or above their time. Rows of a discarded collection or partition are acknowledged unwritten.
//
// Run belongs to one thread; everything else is thread-safe. The class has many methods because it
// has two users: the router pushes rows into it, the reconciler opens and closes it.
class RowWriter final : public RowConsumer, public RowGates {
 public:
  struct Options {
    LaneLimits limits;
    size_t max_calls = 8;
    size_t max_calls_per_lane = 4;
    BackoffOptions backoff;
    // How long an error that may or may not be transient is retried before it is final.
    std::chrono::milliseconds missing_grace{15'000};    // kNotFound
    std::chrono::milliseconds internal_grace{300'000};  // kInternal, kUnknown
    // The wait before the first call: the target may still execute calls of an earlier process, and
    // these must not come after their repeats.
    std::chrono::milliseconds doubt_grace{0};
    const Clock* clock = &Clock::Real();
    uint32_t seed = std::random_device{}();  // of the back-offs' jitter
  };

  // `sink`, `horizon` and `conditions` must outlive this. `on_fatal` and `on_progress` are called
  // on Run's thread: the former with the collection whose rows are refused, after which no call is
  // started any more; the latter after calls have ended.
  RowWriter(RowSink* sink,
            SendHorizon* horizon,
            Options options,
            ConditionBoard* conditions,
            std::function<void(CollectionId, const Status&)> on_fatal,
            std::function<void()> on_progress);

  // Dispatches until `stop`, then waits at most `drain` for the calls in flight and cancels them.
  void Run(const std::stop_token& stop, std::chrono::milliseconds drain);

  // The parts of Run, for a test that takes the place of its thread: one round, which starts the
  // calls that are due and handles those that have ended, without waiting; and the end.
  void Turn(const std::stop_token& stop);
  void Drain(std::chrono::milliseconds drain);

  // Call it when the horizon has moved, so that rows may go that could not before.
  void Wake();

  void Push(CollectionId collection,
            const std::string& lane,
            const std::shared_ptr<AckTracker>& tracker,
            std::vector<PendingRows> rows) override;

  void Open(CollectionId collection, RowGate gate) override;
  void Close(CollectionId collection) override;
  void Reopen(CollectionId collection, const CollectionName& target) override;
  bool HasCalls(CollectionId collection) const override;
  void Discard(CollectionId collection) override;
  void DiscardPartition(CollectionId collection, PartitionId partition) override;
  void Forget(CollectionId collection) override;
  bool Idle(CollectionId collection) const override;
  bool PartitionIdle(CollectionId collection, PartitionId partition) const override;
  std::map<CollectionId, std::set<PartitionId>> WaitingPartitions() const override;

  // Where the rows of a collection go now; nullopt: nowhere, they wait.
  std::optional<RowGate> GateOf(CollectionId collection) const;

  // After Run: whether the target may have executed a call that is not acknowledged.
  bool doubt_left() const;

  // Without calls and errors.
  TaskCounts counts() const;
  uint64_t bytes_waiting() const;

 private:
  struct CollectionLanes {
    std::map<std::string, std::unique_ptr<Lane>> lanes;  // by name
    std::unique_ptr<RowGate> gate;                       // nullptr: not opened yet
    bool closed = false;                                 // by Close, until it is opened again
    size_t calls_in_flight = 0;
    std::unordered_set<PartitionId> discarded;
    // Calls not finished yet by partition, including those that wait to be repeated.
    std::map<PartitionId, size_t> unfinished_calls;
  };
  struct Call {
    CollectionId collection;
    Lane* lane = nullptr;
    Lane::Batch batch;
    RowBatch rows;
    Backoff backoff;
    Clock::TimePoint due;  // time of the next attempt
    Clock::TimePoint failing_since;
    StatusCode failing_with = StatusCode::kOk;  // since then
    bool in_doubt = false;                      // the target may have executed an attempt
  };
  using CallPtr = std::shared_ptr<Call>;

  void WaitForWork(const std::stop_token& stop);
  void StartLocked(CallPtr call) CDC_REQUIRES(mutex_);
  void DispatchLocked() CDC_REQUIRES(mutex_);
  bool DispatchCollectionLocked(CollectionId id, CollectionLanes& lanes) CDC_REQUIRES(mutex_);
  void HandleDoneLocked(const CallPtr& call, const WriteResult& result) CDC_REQUIRES(mutex_);
  void CountReadLocked(CollectionId collection,
                       const AckTracker& tracker,
                       const std::vector<PendingRows>& rows) CDC_REQUIRES(mutex_);
  void CountWrittenLocked(const Call& call) CDC_REQUIRES(mutex_);
  void FinishLocked(Call& call, bool acknowledge) CDC_REQUIRES(mutex_);
  bool IsTransientLocked(Call& call, const Status& status) CDC_REQUIRES(mutex_);
  void RetryDueLocked() CDC_REQUIRES(mutex_);
  void DropLocked(CollectionLanes& lanes, const std::function<bool(const Message&)>& predicate)
      CDC_REQUIRES(mutex_);
  bool IsClosedLocked(CollectionId collection) const CDC_REQUIRES(mutex_);
  void RenameGateLocked(CollectionLanes& lanes, const CollectionName& target) CDC_REQUIRES(mutex_);
  static void Acknowledge(const std::vector<PendingRows>& rows);
  RowBatch MakeBatch(const RowGate& gate, const Lane::Batch& batch) const;
  std::chrono::milliseconds NextWaitLocked() const CDC_REQUIRES(mutex_);

  RowSink* const sink_;
  SendHorizon* const horizon_;
  const Options options_;
  const Clock::TimePoint first_call_;  // no call is started earlier
  ConditionBoard* const conditions_;
  const std::function<void(CollectionId, const Status&)> on_fatal_;
  const std::function<void()> on_progress_;

  mutable Mutex mutex_;
  CondVar changed_;
  bool dirty_ CDC_GUARDED_BY(mutex_) = false;
  std::minstd_rand seeds_ CDC_GUARDED_BY(mutex_);
  std::unordered_map<CollectionId, CollectionLanes> collections_ CDC_GUARDED_BY(mutex_);
  std::unordered_set<CollectionId> discarded_ CDC_GUARDED_BY(mutex_);
  std::vector<std::pair<CallPtr, WriteResult>> done_ CDC_GUARDED_BY(mutex_);
  std::vector<CallPtr> to_start_ CDC_GUARDED_BY(mutex_);
  std::vector<CallPtr> retries_ CDC_GUARDED_BY(mutex_);
  size_t calls_ CDC_GUARDED_BY(mutex_) = 0;  // in flight
  size_t next_collection_ CDC_GUARDED_BY(mutex_) = 0;
  bool stopping_ CDC_GUARDED_BY(mutex_) = false;
  bool doubt_left_ CDC_GUARDED_BY(mutex_) = false;
  Status fatal_ CDC_GUARDED_BY(mutex_);
  CollectionId fatal_collection_ CDC_GUARDED_BY(mutex_);
  std::vector<std::string> warnings_ CDC_GUARDED_BY(mutex_);  // logged after the lock is released
  TaskCounts counts_ CDC_GUARDED_BY(mutex_);
  uint64_t bytes_waiting_ CDC_GUARDED_BY(mutex_) = 0;
};

}  // namespace cdc
