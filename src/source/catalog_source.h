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

  // The newest snapshot; never nullptr once the start has succeeded.
  virtual std::shared_ptr<const Catalog> Current() const = 0;

  // Returns a snapshot that includes at least everything the source had committed at the time of
  // the call. kUnavailable, kDeadlineExceeded: the source's etcd does not answer. kCancelled:
  // stopped.
  virtual Result<std::shared_ptr<const Catalog>> Sync(const std::stop_token& stop) = 0;

  // A time at or above every timestamp the source had issued at the time of the call, at most a few
  // seconds ahead of its clock. Errors as for Sync; kNotFound: the source does not store one.
  virtual Result<Timestamp> Present(const std::stop_token& stop) = 0;

  // Calls `listener` after each change, on the catalog's thread; it must return at once and must
  // not call back. Destroying the handle ends the subscription; afterwards no call is in progress.
  using Listener = std::function<void()>;
  class Subscription {
   public:
    virtual ~Subscription() = default;
  };
  virtual std::unique_ptr<Subscription> Subscribe(Listener listener) = 0;
};

}  // namespace cdc
