#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>

#include "base/mutex.h"
#include "base/status.h"
#include "model/catalog.h"

namespace cdc {

// Lets callers that query the source at the same time share a query: a thousand tasks starting
// together need two answers, not a thousand. Thread-safe.
class SharedSync {
 public:
  using Answer = Result<std::shared_ptr<const Catalog>>;
  using Ask = std::function<Answer(const std::stop_token& stop)>;

  // Returns the answer to a query begun after this call. kCancelled only if stopped.
  Answer Call(const std::stop_token& stop, const Ask& ask);

 private:
  Mutex mutex_;
  CondVar changed_;
  bool asking_ CDC_GUARDED_BY(mutex_) = false;
  uint64_t begun_ CDC_GUARDED_BY(mutex_) = 0;
  uint64_t answered_ CDC_GUARDED_BY(mutex_) = 0;  // the newest query that has an answer
  Answer answer_ CDC_GUARDED_BY(mutex_) = std::shared_ptr<const Catalog>();
};

}  // namespace cdc
