#include "source/catalog/etcd_catalog_listeners.h"

#include <utility>

namespace cdc {

class CatalogListeners::Handle final : public CatalogSource::Subscription {
 public:
  Handle(std::shared_ptr<CatalogListeners> owner, uint64_t id)
      : owner_(std::move(owner)), id_(id) {}
  ~Handle() override { owner_->Remove(id_); }

 private:
  const std::shared_ptr<CatalogListeners> owner_;
  const uint64_t id_;
};

std::unique_ptr<CatalogSource::Subscription> CatalogListeners::Add(
    CatalogSource::Listener listener) {
  MutexLock lock(mutex_);
  const uint64_t id = next_id_++;
  listeners_[id] = std::make_shared<CatalogSource::Listener>(std::move(listener));
  return std::make_unique<Handle>(shared_from_this(), id);
}

void CatalogListeners::Remove(uint64_t id) {
  MutexLock lock(mutex_);
  listeners_.erase(id);
  // A short wait: listeners return at once.
  idle_.Wait(lock, {}, [&] { return calling_ != id; });
}

void CatalogListeners::Notify() {
  uint64_t last = 0;
  while (true) {
    std::shared_ptr<CatalogSource::Listener> listener;
    {
      MutexLock lock(mutex_);
      calling_ = 0;
      idle_.NotifyAll();
      const auto next = listeners_.upper_bound(last);
      if (next == listeners_.end()) {
        return;
      }
      last = next->first;
      calling_ = last;
      listener = next->second;
    }
    // Called without the lock, so a listener may take its own; `calling_` lets Remove wait for it.
    (*listener)();
  }
}

}  // namespace cdc
