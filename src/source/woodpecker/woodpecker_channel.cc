#include "source/woodpecker/woodpecker_channel.h"

#include <algorithm>
#include <utility>

#include "source/woodpecker/woodpecker_cursor.h"

namespace cdc {
namespace {

// The time between attempts after an error.
constexpr std::chrono::milliseconds kWoodpeckerRetry{250};

}  // namespace

WoodpeckerChannel::WoodpeckerChannel(WoodpeckerMeta* meta,
                                     Storage* storage,
                                     const WoodpeckerOptions& options,
                                     std::string log,
                                     const std::optional<WoodpeckerId>& start,
                                     Wakeup* wakeup)
    : meta_(meta),
      storage_(storage),
      options_(options),
      log_(std::move(log)),
      start_(start),
      wakeup_(wakeup),
      thread_("cdc-woodpecker", [this](const std::stop_token& stop) { Run(stop); }) {}

Status WoodpeckerChannel::Take(size_t max_bytes, std::vector<LogRecord>* records) {
  MutexLock lock(mutex_);
  for (size_t bytes = 0; bytes < max_bytes && !queue_.empty(); queue_.pop_front()) {
    bytes += queue_.front().payload.bytes.size();
    queued_bytes_ -= queue_.front().payload.bytes.size();
    records->push_back(std::move(queue_.front()));
  }
  if (queued_bytes_ < options_.prefetch_bytes) {
    room_.NotifyAll();
  }
  // An error comes after the records before it.
  return queue_.empty() ? error_ : OkStatus();
}

void WoodpeckerChannel::Run(const std::stop_token& stop) {
  const std::unique_ptr<Storage> storage = storage_->Until(stop);
  WoodpeckerCursor cursor(meta_, storage.get(), options_, log_, start_);
  std::chrono::milliseconds interval = options_.poll_min;
  while (!stop.stop_requested()) {
    Result<std::vector<LogRecord>> records = cursor.Next(stop);
    if (stop.stop_requested()) {
      break;
    }
    if (!records.ok()) {
      SetError(records.status());
      Pause(kWoodpeckerRetry, stop);
      continue;
    }
    SetError(OkStatus());
    if (records->empty()) {
      Pause(interval, stop);
      interval = std::min(2 * interval, options_.poll_max);
      continue;
    }
    interval = options_.poll_min;
    Queue(*std::move(records), stop);
  }
  ended_ = true;
}

void WoodpeckerChannel::Queue(std::vector<LogRecord> records, const std::stop_token& stop) {
  MutexLock lock(mutex_);
  for (LogRecord& record : records) {
    queued_bytes_ += record.payload.bytes.size();
    queue_.push_back(std::move(record));
  }
  wakeup_->Signal();
  room_.Wait(lock, stop, [this] { return queued_bytes_ < options_.prefetch_bytes; });
}

void WoodpeckerChannel::SetError(Status error) {
  MutexLock lock(mutex_);
  if (error_ != error) {
    error_ = std::move(error);
    wakeup_->Signal();
  }
}

}  // namespace cdc
