#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/testing/eventually.h"
#include "feed/feed_subscriber.h"

namespace cdc {

// Records what a feed delivers. Thread-safe.
class FakeSubscriber : public FeedSubscriber {
 public:
  void OnCatalog(const std::shared_ptr<const Catalog>& catalog) override;
  void OnGroup(const std::string& channel, const FeedGroup& group) override;
  void OnRecord(const std::string& channel, const LogRecord& record) override;
  void OnRead(const std::string& channel, const MsgId& last, size_t held_bytes) override;
  void OnDamaged(const std::string& channel,
                 const MsgId& id,
                 std::optional<CollectionId> collection,
                 const Status& why) override;
  void OnStatus(const std::string& channel, const Status& status) override;
  size_t Room(const std::string& channel) override;

  void SetRoom(size_t room);
  bool WaitForResolved(uint64_t ts, std::chrono::milliseconds timeout = kPatience);

  // The times of the row messages, in the order of delivery.
  std::vector<uint64_t> rows() const;
  std::vector<uint64_t> breaks() const;  // likewise
  std::vector<std::string> records() const;
  uint64_t resolved() const;
  size_t damaged() const;
  // Messages that came after their tick.
  size_t late() const;
  // Messages of unknown types.
  size_t unknown() const;
  // The status reported last.
  Status status() const;
  bool had_error() const;
  // Whether the catalog held the collection when the row of `ts` was delivered.
  bool KnewCollectionAt(uint64_t ts, CollectionId collection) const;

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  std::shared_ptr<const Catalog> catalog_ CDC_GUARDED_BY(mutex_);
  std::map<uint64_t, std::shared_ptr<const Catalog>> catalogs_ CDC_GUARDED_BY(mutex_);  // by ts
  std::vector<uint64_t> rows_ CDC_GUARDED_BY(mutex_);
  std::vector<uint64_t> breaks_ CDC_GUARDED_BY(mutex_);
  std::vector<std::string> records_ CDC_GUARDED_BY(mutex_);
  uint64_t resolved_ CDC_GUARDED_BY(mutex_) = 0;
  size_t damaged_ CDC_GUARDED_BY(mutex_) = 0;
  size_t late_ CDC_GUARDED_BY(mutex_) = 0;
  size_t unknown_ CDC_GUARDED_BY(mutex_) = 0;
  size_t room_ CDC_GUARDED_BY(mutex_) = 1U << 20;
  Status status_ CDC_GUARDED_BY(mutex_);
  bool had_error_ CDC_GUARDED_BY(mutex_) = false;
};

}  // namespace cdc
