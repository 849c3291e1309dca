#include "reconcile/collection_claims.h"

#include <utility>

namespace cdc {

CollectionClaims::Outcome CollectionClaims::Claim(const std::string& collection,
                                                  const std::string& task) {
  MutexLock lock(mutex_);
  Holder& holder = holders_.try_emplace(collection, Holder{task, 0}).first->second;
  if (holder.task == task) {
    ++holder.claims;
    return {};
  }
  if (holder.claims > 0) {
    return {.holder = holder.task};
  }
  // The previous holder has ended, but may have written rows that `task` is about to write again.
  holder = {task, 1};
  return {.holder = std::nullopt, .taken_over = true};
}

void CollectionClaims::Release(const std::string& collection, const std::string& task) {
  MutexLock lock(mutex_);
  const auto found = holders_.find(collection);
  if (found != holders_.end() && found->second.task == task && --found->second.claims == 0) {
    holders_.erase(found);
  }
}

// Keeps the entries, so that another task that claims one learns that this one has written there.
void CollectionClaims::ReleaseAll(const std::string& task) {
  MutexLock lock(mutex_);
  for (auto& [collection, holder] : holders_) {
    if (holder.task == task) {
      holder.claims = 0;
    }
  }
}

}  // namespace cdc
