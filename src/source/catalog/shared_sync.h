#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>

#include "base/mutex.h"
#include "base/status.h"
#include "model/catalog.h"

namespace cdc {

// Lets callers that ask the source at the same time share the question: a thousand tasks that start
// together need two answers, not a thousand. Thread-safe.
class SharedSync {
 public:
  using Answer = Result<std::shared_ptr<const Catalog>>;
  using Ask = std::function<Answer(const std::stop_token& stop)>;

  // The answer to a question that was begun after this call. kCancelled only if `stop` was asked.
  Answer Call(const std::stop_token& stop, const Ask& ask);

 private:
  Mutex mutex_;
  CondVar changed_;
  bool asking_ CDC_GUARDED_BY(mutex_) = false;
  uint64_t begun_ CDC_GUARDED_BY(mutex_) = 0;
  uint64_t answered_ CDC_GUARDED_BY(mutex_) = 0;  // the newest question that has an answer
  Answer answer_ CDC_GUARDED_BY(mutex_) = std::shared_ptr<const Catalog>();
};

}  // namespace cdc
