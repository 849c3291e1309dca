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

// Lets one caller at a time use a collection, in the order of their requests.
//
// Milvus Lite has no locks. A flush swaps its tables, so a row written during a flush or during
// another write could be lost. The first call that names a collection after a rename or a restart
// opens it; two calls at once would open it twice, and rows written to one copy would be missing in
// the other. Therefore everything done to a collection takes turns, even reading. Concurrent calls
// would not be faster anyway.
//
// Thread-safe. Must outlive its turns.
class CollectionTurns {
 public:
  // A write. Exactly one of the two is called, and must return at once.
  struct Job {
    std::function<void()> start;
    std::function<void()> cancel;
  };
  // Starts `job` when its turn comes, possibly at once. Call End when the job has ended.
  void Queue(const CollectionName& name, Job job);
  // Ends the turn of a started job, so that the next one starts.
  void End(const CollectionName& name);
  // Cancels the jobs that have not started.
  void CancelJobs();

  // The turns of some collections, held until it is destroyed.
  class Turn {
   public:
    explicit Turn(CollectionTurns* turns) : turns_(turns) {}
    ~Turn();
    Turn(Turn&& other) noexcept;
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    Turn& operator=(Turn&&) = delete;

    // Never ends the turns, so that nobody else gets one: for a call that may still be executed.
    void Keep() { names_.clear(); }

   private:
    friend class CollectionTurns;
    CollectionTurns* turns_;
    std::vector<CollectionName> names_;
  };
  // Waits for the turns of all `names`. kCancelled: stopped.
  Result<Turn> Wait(const std::vector<CollectionName>& names, const std::stop_token& stop);

 private:
  struct Waiting {
    uint64_t number = 0;
    Job job;  // `cancel` is empty for a Wait
  };
  Status WaitFor(const CollectionName& name, const std::stop_token& stop);
  uint64_t Add(const CollectionName& name, Job job);
  bool Remove(const CollectionName& name, uint64_t number);

  Mutex mutex_;
  uint64_t added_ CDC_GUARDED_BY(mutex_) = 0;
  // Those after the one whose turn it is. A collection that nobody uses has no entry.
  std::map<CollectionName, std::deque<Waiting>> waiting_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
