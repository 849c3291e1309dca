#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <stop_token>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "model/rows.h"

namespace cdc {

// One thing at a time for each collection, in the order of asking.
//
// Milvus Lite has no locks. A flush swaps its tables, so a row written during it, or during another
// write, could be lost. The first call that names a collection after a rename or a restart opens
// it, so two at once open it twice, and what is written to the one is missing in the other.
// Therefore everything done to one of its collections, reading too, takes turns; several at a time
// would not be faster.
//
// Thread-safe. Must outlive its turns.
class CollectionTurns {
 public:
  // A write. Both return at once, and one of them is called.
  struct Job {
    std::function<void()> start;
    std::function<void()> cancel;
  };
  // Starts `job` when its turn comes, maybe now. End must follow when it has ended.
  void Queue(const CollectionName& name, Job job);
  // The turn of a started job is over; the next one starts.
  void End(const CollectionName& name);
  // Cancels the jobs that have not started.
  void CancelJobs();

  // The turns of some collections, held until its end.
  class Turn {
   public:
    explicit Turn(CollectionTurns* turns) : turns_(turns) {}
    ~Turn();
    Turn(Turn&& other) noexcept;
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    Turn& operator=(Turn&&) = delete;

    // Gives the turns to nobody else any more: what was done in them may still go on.
    void Keep() { names_.clear(); }

   private:
    friend class CollectionTurns;
    CollectionTurns* turns_;
    std::vector<CollectionName> names_;
  };
  // Waits for what was asked for before. kCancelled: `stop`.
  Result<Turn> Wait(const std::vector<CollectionName>& names, const std::stop_token& stop);

 private:
  struct Waiting {
    uint64_t number = 0;
    Job job;  // without a cancel: of Wait
  };
  Status WaitFor(const CollectionName& name, const std::stop_token& stop);
  uint64_t Add(const CollectionName& name, Job job);
  bool Remove(const CollectionName& name, uint64_t number);

  Mutex mutex_;
  uint64_t added_ CDC_GUARDED_BY(mutex_) = 0;
  // Behind the one whose turn it is; a collection of which nothing is done has no entry.
  std::map<CollectionName, std::deque<Waiting>> waiting_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
