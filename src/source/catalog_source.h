#pragma once

#include <functional>
#include <memory>
#include <stop_token>

#include "base/status.h"
#include "model/catalog.h"
#include "model/ids.h"

namespace cdc {

// The metadata of the source, kept current. Thread-safe.
class CatalogSource {
 public:
  virtual ~CatalogSource() = default;

  // The newest snapshot; never nullptr after Start succeeded.
  virtual std::shared_ptr<const Catalog> Current() const = 0;

  // Returns a snapshot that holds at least everything the source had committed when this was
  // called. kUnavailable, kDeadlineExceeded: the source's etcd does not answer. kCancelled: `stop`.
  virtual Result<std::shared_ptr<const Catalog>> Sync(const std::stop_token& stop) = 0;

  // A time at or above every one that the source had given when this was called; ahead of its clock
  // by a few seconds at the most. Errors as of Sync; kNotFound: the source keeps none.
  virtual Result<Timestamp> Present(const std::stop_token& stop) = 0;

  // Calls `listener` after each change, from the catalog's thread; it must return at once and must
  // not call back. The handle ends the subscription; after its destruction no call is in progress.
  using Listener = std::function<void()>;
  class Subscription {
   public:
    virtual ~Subscription() = default;
  };
  virtual std::unique_ptr<Subscription> Subscribe(Listener listener) = 0;
};

}  // namespace cdc
