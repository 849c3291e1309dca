#include "rows/copy_guard.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "decode/decode.h"
#include "encode/keep_rows.h"
#include "rows/make_rows.h"

namespace cdc {

CopyGuard::CopyGuard(RowConsumer* next, size_t max_bytes, OnFailed on_failed)
    : next_(next), max_bytes_(max_bytes), on_failed_(std::move(on_failed)) {}

Status CopyGuard::Begin(CollectionId collection, const std::vector<std::string>& saved) {
  MutexLock lock(mutex_);
  LogKeys& keys = keys_[collection];
  guarded_ = keys_.size();
  for (const std::string& each : saved) {
    CDC_RETURN_IF_ERROR(keys.Load(each));
  }
  return OkStatus();
}

void CopyGuard::End(CollectionId collection) {
  LogKeys ended;  // destroyed after the lock is released: there may be millions
  MutexLock lock(mutex_);
  const auto found = keys_.find(collection);
  if (found != keys_.end()) {
    ended = std::move(found->second);
    keys_.erase(found);
    guarded_ = keys_.size();
  }
}

bool CopyGuard::IsFull(CollectionId collection) const {
  if (guarded_ == 0) {
    return false;  // asked for each collection at each poll
  }
  MutexLock lock(mutex_);
  if (!keys_.contains(collection)) {
    return false;
  }
  size_t bytes = 0;
  for (const auto& [id, keys] : keys_) {
    bytes += keys.bytes();
  }
  return bytes >= max_bytes_;
}

std::map<CollectionId, std::string> CopyGuard::Unsaved() {
  std::map<CollectionId, std::string> unsaved;
  MutexLock lock(mutex_);
  for (auto& [id, keys] : keys_) {
    const std::string& of_collection = keys.Unsaved();
    if (!of_collection.empty()) {
      unsaved[id] = of_collection;
    }
  }
  return unsaved;
}

void CopyGuard::OnSaved() {
  MutexLock lock(mutex_);
  for (auto& [id, keys] : keys_) {
    keys.OnSaved();
  }
}

void CopyGuard::PushLog(CollectionId collection,
                        const std::string& lane,
                        const std::shared_ptr<AckTracker>& tracker,
                        std::vector<PendingRows> rows) {
  Status status;
  {
    MutexLock lock(mutex_);
    const auto guarded = keys_.find(collection);
    for (const PendingRows& each : rows) {
      if (guarded == keys_.end() || !status.ok()) {
        break;
      }
      status = guarded->second.Add(each.message->partition, each.key_column);
      // The delete half may concern other partitions than the insert does.
      for (const MessagePtr& message : each.also) {
        status = status.ok() ? guarded->second.Add(message->partition, message->keys) : status;
      }
    }
    if (status.ok()) {
      next_->Push(collection, lane, tracker, std::move(rows));
    }
  }
  if (!status.ok()) {
    on_failed_(collection, status);
  }
}

void CopyGuard::PushCopied(CollectionId collection,
                           const std::string& lane,
                           const std::shared_ptr<AckTracker>& tracker,
                           std::vector<PendingRows> rows) {
  Status status;
  {
    MutexLock lock(mutex_);
    const auto guarded = keys_.find(collection);
    std::vector<PendingRows> left;
    for (PendingRows& each : rows) {
      if (guarded == keys_.end()) {
        left.push_back(std::move(each));
        continue;
      }
      const Result<std::string> keep =
          guarded->second.Absent(each.message->partition, each.key_column);
      const std::vector<AckTracker::Ticket> tickets = each.tickets;
      Result<std::optional<PendingRows>> kept =
          keep.ok() ? WithRows(std::move(each), *keep) : keep.status();
      if (!kept.ok()) {
        status = kept.status();
        break;
      }
      if (kept->has_value()) {
        left.push_back(**std::move(kept));
      } else {
        std::ranges::for_each(tickets, [&](const auto& ticket) { tracker->Ack(ticket); });
      }
    }
    if (status.ok() && !left.empty()) {
      next_->Push(collection, lane, tracker, std::move(left));
    }
  }
  if (!status.ok()) {
    on_failed_(collection, status);
  }
}

Result<std::optional<PendingRows>> WithRows(PendingRows rows, std::string_view keep) {
  if (std::ranges::find(keep, '\0') == keep.end()) {
    return std::optional(std::move(rows));
  }
  if (std::ranges::count(keep, '\1') == 0) {
    return std::optional<PendingRows>();
  }
  CDC_ASSIGN_OR_RETURN(std::string record, EncodeKeptRows(*rows.message, keep));
  CDC_ASSIGN_OR_RETURN(MessagePtr message,
                       DecodeMessage(rows.message->id, Payload::Own(std::move(record))));
  CDC_ASSIGN_OR_RETURN(PendingRows kept,
                       MakeRows(rows.op, std::move(message),
                                {.id = rows.key_field, .is_string = rows.key_column.is_string}));
  kept.tickets = std::move(rows.tickets);
  kept.copied = rows.copied;
  return std::optional(std::move(kept));
}

}  // namespace cdc
