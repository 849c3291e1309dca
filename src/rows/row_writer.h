#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
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
#include "progress/condition_board.h"
#include "progress/send_horizon.h"
#include "rows/lane.h"
#include "rows/row_consumer.h"
#include "rows/row_gates.h"
#include "sink/row_sink.h"

namespace cdc {

// Writes rows to the target: a lane for each shard of each collection, several calls in flight,
// never two that touch the same key. Retries what is passing, without end and in order.
//
// Rows wait until their collection is open, their partition is in its gate, and the send horizon is
// beyond them. Rows of a discarded collection or partition are acknowledged without being written.
//
// Run belongs to one thread; everything else is thread-safe. It has many methods because it is two
// things to others: the router pushes into it, the reconciler opens and closes it.
class RowWriter final : public RowConsumer, public RowGates {
 public:
  struct Options {
    LaneLimits limits;
    size_t max_calls = 8;
    size_t max_calls_per_lane = 4;
    BackoffOptions backoff;
    // Errors that may pass or may be final: final if they last longer.
    std::chrono::milliseconds missing_grace{15'000};    // kNotFound
    std::chrono::milliseconds internal_grace{300'000};  // kInternal, kUnknown
    // Before the first call: what a process before has sent may still be executed, and must not
    // come after what is sent again.
    std::chrono::milliseconds doubt_grace{0};
    const Clock* clock = &Clock::Real();
    uint32_t seed = std::random_device{}();  // of the back-offs' jitter
  };

  // `sink`, `horizon` and `conditions` must outlive this. `on_fatal` is called from Run's thread;
  // `on_progress` after rows were acknowledged.
  RowWriter(RowSink* sink,
            SendHorizon* horizon,
            Options options,
            ConditionBoard* conditions,
            std::function<void(const Status&)> on_fatal,
            std::function<void()> on_progress);

  // Dispatches until `stop`; then waits for the calls in flight, at most `drain`, and cancels them.
  void Run(const std::stop_token& stop, std::chrono::milliseconds drain);

  // What Run is made of, for a test that is its thread: one round of it, which starts and ends the
  // calls that are due, without waiting; and what it does at the end.
  void Turn(const std::stop_token& stop);
  void Drain(std::chrono::milliseconds drain);

  // Rows may go that could not: the horizon has moved.
  void Wake();

  void Push(CollectionId collection,
            const std::string& vchannel,
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

  // After Run: whether a call may have been executed that is not acknowledged.
  bool doubt_left() const;

  struct Counters {
    uint64_t rows_inserted = 0;
    uint64_t rows_upserted = 0;
    uint64_t rows_deleted = 0;
    uint64_t bytes_written = 0;
    uint64_t bytes_waiting = 0;
  };
  Counters counters() const;

 private:
  struct CollectionLanes {
    std::map<std::string, std::unique_ptr<Lane>> lanes;  // by vchannel
    std::unique_ptr<RowGate> gate;                       // nullptr: not open
    bool closed = false;                                 // until it is opened again
    size_t under_way = 0;                                // calls that are started and not done
    std::unordered_set<PartitionId> discarded;
    std::map<PartitionId, size_t> in_flight;  // calls by partition
  };
  struct Call {
    CollectionId collection;
    Lane* lane = nullptr;
    Lane::Batch batch;
    RowBatch rows;
    Backoff backoff;
    Clock::TimePoint due;  // of the next attempt
    Clock::TimePoint failing_since;
    StatusCode failing_with = StatusCode::kOk;  // since then
    bool in_doubt = false;                      // an attempt of it may have been executed
  };
  using CallPtr = std::shared_ptr<Call>;

  void WaitForWork(const std::stop_token& stop);
  void StartLocked(CallPtr call) CDC_REQUIRES(mutex_);
  void DispatchLocked() CDC_REQUIRES(mutex_);
  bool DispatchCollectionLocked(CollectionId id, CollectionLanes& lanes) CDC_REQUIRES(mutex_);
  void HandleDoneLocked(const CallPtr& call, const WriteResult& result) CDC_REQUIRES(mutex_);
  void FinishLocked(Call& call, bool acknowledge) CDC_REQUIRES(mutex_);
  bool MayPassLocked(Call& call, const Status& status) CDC_REQUIRES(mutex_);
  void RetryDueLocked() CDC_REQUIRES(mutex_);
  void DropLocked(CollectionLanes& lanes, const std::function<bool(const Message&)>& predicate)
      CDC_REQUIRES(mutex_);
  bool IsClosedLocked(CollectionId collection) const CDC_REQUIRES(mutex_);
  void RenameGateLocked(CollectionLanes& lanes, const CollectionName& target) CDC_REQUIRES(mutex_);
  void AckLocked(Lane& lane, const std::vector<PendingRows>& rows) CDC_REQUIRES(mutex_);
  RowBatch MakeBatch(const RowGate& gate, const Lane::Batch& batch) const;
  std::chrono::milliseconds NextWaitLocked() const CDC_REQUIRES(mutex_);

  RowSink* const sink_;
  SendHorizon* const horizon_;
  const Options options_;
  const Clock::TimePoint first_call_;  // not before
  ConditionBoard* const conditions_;
  const std::function<void(const Status&)> on_fatal_;
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
  size_t calls_ CDC_GUARDED_BY(mutex_) = 0;  // started and not done
  size_t next_collection_ CDC_GUARDED_BY(mutex_) = 0;
  bool stopping_ CDC_GUARDED_BY(mutex_) = false;
  bool doubt_left_ CDC_GUARDED_BY(mutex_) = false;
  Status fatal_ CDC_GUARDED_BY(mutex_);
  std::vector<std::string> warnings_ CDC_GUARDED_BY(mutex_);  // to be logged without the lock
  Counters counters_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
