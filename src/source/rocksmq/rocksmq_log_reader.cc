#include "source/rocksmq/rocksmq_log_reader.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "source/rocksmq/rocksmq_log_key.h"
#include "wire/wire_reader.h"

namespace cdc {
namespace {

// Values up to this size share buffers, so that not every tick costs an allocation. A message held
// for long keeps its whole buffer alive, hence the small bounds.
constexpr size_t kSharedValue = 4096;
constexpr size_t kSharedBuffer = 32768;

// In 2.6 the value of a message of the write-ahead log begins with this; a RMQMessageLayout
// follows: {1: payload, 2: properties}.
constexpr std::string_view kWalBegin = "\xFF\xFE\xFD\xFCSTREAM";

// Takes such a value apart. One without a version gets one that nobody knows.
LogRecord ReadWal(int64_t id, std::string_view value) {
  auto properties = std::make_shared<WalProperties>();
  properties->version = "unknown";
  std::string_view payload;
  WireReader layout(value.substr(kWalBegin.size()));
  while (layout.Next()) {
    if (layout.field() == 1) {
      payload = layout.bytes();
    }
    if (layout.field() != 2) {
      continue;
    }
    std::string_view key;
    std::string_view text;
    WireReader property(layout.bytes());
    while (property.Next()) {
      (property.field() == 1 ? key : text) = property.bytes();
    }
    for (const WalPropertyName& each : kWalPropertyNames) {
      if (key == each.name) {
        properties.get()->*each.property = text;
      }
    }
  }
  if (!layout.status().ok()) {
    properties->version = "unknown";
  }
  return {EncodeRocksmqId(id), Payload::Own(std::string(payload)), std::move(properties)};
}

// Copies values out of RocksDB into memory owned by the records.
class Copier {
 public:
  explicit Copier(std::vector<LogRecord>* records) : records_(records) {}

  void Add(int64_t id, std::string_view value) {
    if (value.starts_with(kWalBegin)) {
      Flush();
      records_->push_back(ReadWal(id, value));
      return;
    }
    if (value.size() > kSharedValue) {
      Flush();
      records_->push_back({EncodeRocksmqId(id), Payload::Own(std::string(value))});
      return;
    }
    if (buffer_.size() + value.size() > kSharedBuffer) {
      Flush();
    }
    buffer_ += value;
    small_.emplace_back(id, value.size());
  }

  // Call it last: only then are the records complete.
  void Flush() {
    if (small_.empty()) {
      return;
    }
    const auto shared = std::make_shared<const std::string>(buffer_);
    size_t offset = 0;
    for (const auto& [id, size] : small_) {
      records_->push_back(
          {EncodeRocksmqId(id), {shared, std::string_view(*shared).substr(offset, size)}});
      offset += size;
    }
    small_.clear();
    buffer_.clear();
  }

 private:
  std::vector<LogRecord>* const records_;
  std::string buffer_;
  std::vector<std::pair<int64_t, size_t>> small_;
};

}  // namespace

RocksmqLogReader::RocksmqLogReader(RocksmqStore* store, const RocksmqOptions& options)
    : store_(store), options_(options), interval_(options.poll_min) {}

Status RocksmqLogReader::Add(const std::string& channel, const std::optional<LogPosition>& start) {
  if (channel.empty()) {
    return InvalidArgumentError("a channel has a name");
  }
  Cursor cursor;
  if (start) {
    CDC_ASSIGN_OR_RETURN(cursor.position, DecodeRocksmqId(start->id));
    cursor.inclusive = start->inclusive;
  }
  if (!cursors_.emplace(channel, std::move(cursor)).second) {
    return AlreadyExistsError("the channel is being read: " + channel);
  }
  return OkStatus();
}

void RocksmqLogReader::Remove(const std::string& channel) { cursors_.erase(channel); }

void RocksmqLogReader::SetPaused(const std::string& channel, bool paused) {
  if (const auto at = cursors_.find(channel); at != cursors_.end()) {
    at->second.paused = paused;
  }
}

Status RocksmqLogReader::Poll(size_t max_bytes,
                              std::chrono::milliseconds timeout,
                              const std::stop_token& stop,
                              std::vector<LogBatch>* out) {
  const auto deadline = options_.clock->Now() + timeout;
  while (true) {
    CDC_RETURN_IF_ERROR(store_->CatchUp(options_.poll_min));
    CDC_ASSIGN_OR_RETURN(const bool news, ReadAll(max_bytes, out));
    if (news) {
      interval_ = options_.poll_min;
      break;
    }
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - options_.clock->Now());
    if (left.count() <= 0 || stop.stop_requested()) {
      break;
    }
    Wait(std::min(interval_, left), stop);
    interval_ = std::min(interval_ * 2, options_.poll_max);
  }
  for (const auto& [channel, cursor] : cursors_) {
    if (!cursor.error.ok()) {
      out->push_back({channel, {}, cursor.error});
    }
  }
  return OkStatus();
}

Result<bool> RocksmqLogReader::ReadAll(size_t max_bytes, std::vector<LogBatch>* out) {
  const uint64_t version = store_->version();
  const auto now = options_.clock->Now();
  bool news = false;
  for (auto& [channel, cursor] : cursors_) {
    if (cursor.paused) {
      continue;
    }
    // At the tail and nothing was written since: the common case costs no iterator.
    if (cursor.at_tail && cursor.seen_version == version) {
      cursor.at_tail_since = now;
      continue;
    }
    if (cursor.position && !cursor.found) {
      // The position comes from a caller who may have seen more than this store has caught up with.
      CDC_RETURN_IF_ERROR(store_->CatchUp(std::chrono::milliseconds(0)));
    }
    const std::unique_ptr<RocksmqIterator> iterator = store_->NewIterator(channel);
    LogBatch batch{.channel = channel, .records = {}, .status = {}};
    Status status = ReadChannel(channel, max_bytes, iterator.get(), &cursor, &batch.records);
    if (status.code() == StatusCode::kUnavailable && !iterator->status().ok()) {
      store_->MarkBroken(iterator->generation());
    }
    cursor.seen_version = version;
    if (!batch.records.empty()) {
      news = true;
      out->push_back(std::move(batch));
    }
    news = news || (!status.ok() && status != cursor.error);
    cursor.error = std::move(status);
  }
  return news;
}

Status RocksmqLogReader::ReadChannel(const std::string& channel,
                                     size_t max_bytes,
                                     RocksmqIterator* iterator,
                                     Cursor* cursor,
                                     std::vector<LogRecord>* records) {
  cursor->at_tail = false;
  CDC_RETURN_IF_ERROR(SeekToNext(channel, iterator, *cursor));
  cursor->found = true;
  Copier copier(records);
  size_t bytes = 0;
  for (; iterator->Valid() && bytes < max_bytes; iterator->Next()) {
    copier.Add(iterator->id(), iterator->value());
    bytes += iterator->value().size();
    cursor->position = iterator->id();
    cursor->inclusive = false;
    cursor->delivered = true;
  }
  copier.Flush();
  if (!iterator->Valid()) {
    CDC_RETURN_IF_ERROR(iterator->status());
    cursor->at_tail = true;
    cursor->at_tail_since = options_.clock->Now();
  }
  return OkStatus();
}

Status RocksmqLogReader::SeekToNext(const std::string& channel,
                                    RocksmqIterator* iterator,
                                    const Cursor& cursor) {
  if (!cursor.position) {
    iterator->SeekToFirst();
    return iterator->Valid() ? OkStatus() : iterator->status();
  }
  const int64_t position = *cursor.position;
  CDC_ASSIGN_OR_RETURN(const RocksmqLocation location, LocateRocksmq(iterator, position));
  if (location.place == RocksmqPlace::kThere) {
    if (!cursor.inclusive) {
      iterator->Next();
    }
    return OkStatus();
  }
  if (!cursor.delivered) {
    return CheckRocksmqStart(channel, position, location);
  }
  if (location.place != RocksmqPlace::kExpired) {
    return UnavailableError("the log does not show a record that it had: channel " + channel +
                            ": " + std::to_string(position));
  }
  if (options_.clock->Now() - cursor.at_tail_since < options_.shortest_retention) {
    return OkStatus();  // LocateRocksmq left the iterator on the oldest record
  }
  return CheckRocksmqStart(channel, position, location);
}

void RocksmqLogReader::Wait(std::chrono::milliseconds time, const std::stop_token& stop) {
  MutexLock lock(mutex_);
  never_.WaitFor(lock, stop, time, [] { return false; });
}

}  // namespace cdc
