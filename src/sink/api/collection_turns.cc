#include "sink/api/collection_turns.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

namespace cdc {

CollectionTurns::Turn::~Turn() {
  for (const CollectionName& name : names_) {
    turns_->End(name);
  }
}

CollectionTurns::Turn::Turn(Turn&& other) noexcept
    : turns_(other.turns_), names_(std::exchange(other.names_, {})) {}

void CollectionTurns::Queue(const CollectionName& name, Job job) { Add(name, std::move(job)); }

// Calls `start` under the lock, so that jobs start in the order of their turns.
uint64_t CollectionTurns::Add(const CollectionName& name, Job job) {
  MutexLock lock(mutex_);
  const uint64_t number = ++added_;
  const auto [waiting, is_first] = waiting_.try_emplace(name);
  if (is_first) {
    job.start();
  } else {
    waiting->second.push_back({number, std::move(job)});
  }
  return number;
}

void CollectionTurns::End(const CollectionName& name) {
  MutexLock lock(mutex_);
  const auto found = waiting_.find(name);
  CDC_CHECK(found != waiting_.end());
  if (found->second.empty()) {
    waiting_.erase(found);
    return;
  }
  const Job next = std::move(found->second.front().job);
  found->second.pop_front();
  next.start();
}

void CollectionTurns::CancelJobs() {
  std::vector<Job> cancelled;
  {
    MutexLock lock(mutex_);
    for (auto& [name, waiting] : waiting_) {
      const auto first = std::stable_partition(
          waiting.begin(), waiting.end(), [](const Waiting& each) { return !each.job.cancel; });
      std::transform(std::make_move_iterator(first), std::make_move_iterator(waiting.end()),
                     std::back_inserter(cancelled),
                     [](Waiting&& each) { return std::move(each.job); });
      waiting.erase(first, waiting.end());
    }
  }
  for (const Job& job : cancelled) {
    job.cancel();
  }
}

Result<CollectionTurns::Turn> CollectionTurns::Wait(const std::vector<CollectionName>& names,
                                                    const std::stop_token& stop) {
  // If a later name is cancelled, the destructor of `turn` ends the turns obtained so far.
  Turn turn(this);
  for (const CollectionName& name : names) {
    CDC_RETURN_IF_ERROR(WaitFor(name, stop));
    turn.names_.push_back(name);
  }
  return turn;
}

Status CollectionTurns::WaitFor(const CollectionName& name, const std::stop_token& stop) {
  struct Waiter {
    Mutex mutex;
    CondVar changed;
    bool has_turn CDC_GUARDED_BY(mutex) = false;
  };
  // Shared with the job, which may still be called after a cancelled wait has returned.
  const auto waiter = std::make_shared<Waiter>();
  const uint64_t number = Add(name, {.start =
                                         [waiter] {
                                           MutexLock lock(waiter->mutex);
                                           waiter->has_turn = true;
                                           waiter->changed.NotifyAll();
                                         },
                                     .cancel = {}});
  {
    MutexLock lock(waiter->mutex);
    if (waiter->changed.Wait(lock, stop, [&waiter] { return waiter->has_turn; })) {
      return OkStatus();
    }
  }
  if (!Remove(name, number)) {
    End(name);  // its turn came in the meantime
  }
  return CancelledError("cancelled before it was sent");
}

// Returns whether it was still waiting.
bool CollectionTurns::Remove(const CollectionName& name, uint64_t number) {
  MutexLock lock(mutex_);
  const auto found = waiting_.find(name);
  return found != waiting_.end() && std::erase_if(found->second, [number](const Waiting& each) {
                                      return each.number == number;
                                    }) > 0;
}

}  // namespace cdc
