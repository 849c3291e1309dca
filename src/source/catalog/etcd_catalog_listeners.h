#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "base/mutex.h"
#include "source/catalog_source.h"

namespace cdc {

// The subscribers of a catalog. Thread-safe. Calls them without a lock, but guarantees that no call
// is in progress after a subscription has ended.
class CatalogListeners : public std::enable_shared_from_this<CatalogListeners> {
 public:
  std::unique_ptr<CatalogSource::Subscription> Add(CatalogSource::Listener listener);

  // Calls every listener once. Use it from one thread only.
  void Notify();

 private:
  class Handle;

  void Remove(uint64_t id);

  Mutex mutex_;
  CondVar idle_;
  std::map<uint64_t, std::shared_ptr<CatalogSource::Listener>> listeners_ CDC_GUARDED_BY(mutex_);
  uint64_t next_id_ CDC_GUARDED_BY(mutex_) = 1;
  uint64_t calling_ CDC_GUARDED_BY(mutex_) = 0;  // 0: none
};

}  // namespace cdc
