#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "model/ids.h"
#include "progress/keys_to_save.h"
#include "rows/log_keys.h"
#include "rows/row_consumer.h"

namespace cdc {

// Keeps stored rows, which are copied while the log of their collection is applied, from replacing
// newer ones.
//
// Before rows of the log go on, their keys are remembered; of copied rows, those with a remembered
// key are left out. Neither can happen between the two steps of the other, so copied rows are
// either before all log rows of their keys or left out; and since both are in one lane, they also
// reach the target in this order. After a crash the same holds, because the keys of all rows that a
// checkpoint says are applied are saved together with it; other rows of the log come again.
//
// Only collections that are guarded have their keys remembered; others pass. Thread-safe.
class CopyGuard final : public KeysToSave {
 public:
  // Is told under no lock, on the thread that pushes: the collection's rows cannot be read.
  using OnFailed = std::function<void(CollectionId, const Status&)>;

  // `next` must outlive this. `max_bytes`: for all remembered keys; the log waits when they are
  // more, see IsFull.
  CopyGuard(RowConsumer* next, size_t max_bytes, OnFailed on_failed);

  // Before any row of the log, or after a restart with what was saved.
  Status Begin(CollectionId collection, const std::vector<std::string>& saved);
  // The copy is done.
  void End(CollectionId collection);

  // Where rows of the log are pushed, and where stored rows are.
  RowConsumer* log() { return &log_; }
  RowConsumer* copied() { return &copied_; }

  // Whether no more keys of the collection may be added now. What is pushed all the same is
  // remembered all the same.
  bool IsFull(CollectionId collection) const;

  std::map<CollectionId, std::string> Unsaved() override;
  void OnSaved() override;

 private:
  using PushRows = void (CopyGuard::*)(CollectionId,
                                       const std::string&,
                                       const std::shared_ptr<AckTracker>&,
                                       std::vector<PendingRows>);
  class Entrance final : public RowConsumer {
   public:
    Entrance(CopyGuard* guard, PushRows push) : guard_(guard), push_(push) {}
    void Push(CollectionId collection,
              const std::string& lane,
              const std::shared_ptr<AckTracker>& tracker,
              std::vector<PendingRows> rows) override {
      (guard_->*push_)(collection, lane, tracker, std::move(rows));
    }

   private:
    CopyGuard* const guard_;
    const PushRows push_;
  };

  void PushLog(CollectionId collection,
               const std::string& lane,
               const std::shared_ptr<AckTracker>& tracker,
               std::vector<PendingRows> rows);
  void PushCopied(CollectionId collection,
                  const std::string& lane,
                  const std::shared_ptr<AckTracker>& tracker,
                  std::vector<PendingRows> rows);

  RowConsumer* const next_;
  const size_t max_bytes_;
  const OnFailed on_failed_;
  Entrance log_{this, &CopyGuard::PushLog};
  Entrance copied_{this, &CopyGuard::PushCopied};

  mutable Mutex mutex_;
  std::map<CollectionId, LogKeys> keys_ CDC_GUARDED_BY(mutex_);
  std::atomic<size_t> guarded_ = 0;  // how many those are
};

// Leaves the rows out of a copied message of which `keep` is 0. nullopt: none is left. kDataLoss.
Result<std::optional<PendingRows>> WithRows(PendingRows rows, std::string_view keep);

}  // namespace cdc
