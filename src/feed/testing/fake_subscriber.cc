#include "feed/testing/fake_subscriber.h"

#include <stop_token>

namespace cdc {

void FakeSubscriber::OnCatalog(const std::shared_ptr<const Catalog>& catalog) {
  MutexLock lock(mutex_);
  catalog_ = catalog;
}

void FakeSubscriber::OnGroup(const std::string& /*channel*/, const FeedGroup& group) {
  MutexLock lock(mutex_);
  CDC_CHECK(group.resolved.value > resolved_);
  std::map<uint64_t, int> sorted;
  for (const FeedGroup::Rows& rows : group.rows) {
    for (const MessagePtr& message : rows.messages) {
      ++sorted[message->ts.value];
      catalogs_[message->ts.value] = catalog_;
    }
  }
  for (const auto& [ts, count] : sorted) {
    rows_.insert(rows_.end(), static_cast<size_t>(count), ts);
  }
  for (const MessagePtr& message : group.breaks) {
    breaks_.push_back(message->ts.value);
  }
  resolved_ = group.resolved.value;
  late_ += group.late;
  unknown_ += group.unknown;
  changed_.NotifyAll();
}

void FakeSubscriber::OnRecord(const std::string& /*channel*/, const LogRecord& record) {
  MutexLock lock(mutex_);
  records_.emplace_back(record.payload.bytes);
}

void FakeSubscriber::OnRead(const std::string& /*channel*/,
                            const MsgId& /*last*/,
                            size_t /*held_bytes*/) {}

void FakeSubscriber::OnDamaged(const std::string& /*channel*/,
                               const MsgId& /*id*/,
                               std::optional<CollectionId> /*collection*/,
                               const Status& /*why*/) {
  MutexLock lock(mutex_);
  ++damaged_;
}

void FakeSubscriber::OnStatus(const std::string& /*channel*/, const Status& status) {
  MutexLock lock(mutex_);
  status_ = status;
  had_error_ = had_error_ || !status.ok();
}

size_t FakeSubscriber::Room(const std::string& /*channel*/) {
  MutexLock lock(mutex_);
  return room_;
}

void FakeSubscriber::SetRoom(size_t room) {
  MutexLock lock(mutex_);
  room_ = room;
}

bool FakeSubscriber::WaitForResolved(uint64_t ts, std::chrono::milliseconds timeout) {
  MutexLock lock(mutex_);
  return changed_.WaitFor(lock, std::stop_token(), timeout, [&] { return resolved_ >= ts; });
}

std::vector<uint64_t> FakeSubscriber::rows() const {
  MutexLock lock(mutex_);
  return rows_;
}

std::vector<uint64_t> FakeSubscriber::breaks() const {
  MutexLock lock(mutex_);
  return breaks_;
}

std::vector<std::string> FakeSubscriber::records() const {
  MutexLock lock(mutex_);
  return records_;
}

uint64_t FakeSubscriber::resolved() const {
  MutexLock lock(mutex_);
  return resolved_;
}

size_t FakeSubscriber::damaged() const {
  MutexLock lock(mutex_);
  return damaged_;
}

size_t FakeSubscriber::late() const {
  MutexLock lock(mutex_);
  return late_;
}

size_t FakeSubscriber::unknown() const {
  MutexLock lock(mutex_);
  return unknown_;
}

Status FakeSubscriber::status() const {
  MutexLock lock(mutex_);
  return status_;
}

bool FakeSubscriber::had_error() const {
  MutexLock lock(mutex_);
  return had_error_;
}

bool FakeSubscriber::KnewCollectionAt(uint64_t ts, CollectionId collection) const {
  MutexLock lock(mutex_);
  const auto found = catalogs_.find(ts);
  return found != catalogs_.end() && found->second->collections.contains(collection);
}

}  // namespace cdc
