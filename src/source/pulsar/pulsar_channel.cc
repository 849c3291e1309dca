#include "source/pulsar/pulsar_channel.h"

#include <cstdlib>
#include <limits>
#include <utility>

namespace cdc {
namespace {

using std::chrono::milliseconds;

// Records that the library may hold ahead: it cannot count bytes. Milvus' records have up to 5 MB.
constexpr int kRecordsAhead = 8;
// The longest wait in the library, so the longest time until a stop is noticed.
constexpr milliseconds kSlice{200};
// The time between attempts to begin.
constexpr milliseconds kRetry{250};
// A connection that is lost for so long is an error.
constexpr milliseconds kLost{1'000};
// How long the oldest record of a topic that has records may take.
constexpr milliseconds kOldestTimeout{5'000};
// Retention works by whole ledgers, which hold minutes at least: records this close together, in
// milliseconds, had nothing between them that it could have removed.
constexpr int64_t kSameTimeMs = 10'000;

constexpr int32_t kWholeEntry = std::numeric_limits<int32_t>::max();

// What is just before a record, or the record itself.
PulsarId Before(const PulsarId& id, bool inclusive) {
  if (!inclusive) {
    return id;
  }
  if (id.batch_index > 0) {
    return {.ledger = id.ledger, .entry = id.entry, .batch_index = id.batch_index - 1};
  }
  return {.ledger = id.ledger, .entry = id.entry - 1, .batch_index = kWholeEntry};
}

// The first entry to deliver may hold records that were delivered already: they are dropped here.
PulsarStart After(const std::optional<PulsarId>& last) {
  if (!last) {
    return {};
  }
  return {.kind = PulsarStart::Kind::kAfterEntry,
          .ledger = last->ledger,
          .entry = last->batch_index == kWholeEntry ? last->entry : last->entry - 1};
}

}  // namespace

Result<PulsarId> OldestOf(PulsarClient* client,
                          const std::string& channel,
                          const Clock& clock,
                          const std::stop_token& stop) {
  CDC_ASSIGN_OR_RETURN(const auto reader, client->Open(channel, {}, 1, stop));
  const auto deadline = clock.Now() + kOldestTimeout;
  while (!stop.stop_requested() && clock.Now() < deadline) {
    CDC_ASSIGN_OR_RETURN(const auto record, reader->Next(kSlice));
    if (record) {
      return record->id;
    }
  }
  return UnavailableError("topic " + channel + ": its oldest record does not come");
}

Status PulsarExpired(const std::string& channel, const PulsarId& position, const PulsarId& oldest) {
  return OutOfRangeError("position expired: channel " + channel + ": " + position.ToString() +
                         " < " + oldest.ToString());
}

PulsarChannel::PulsarChannel(std::shared_ptr<PulsarClient> client,
                             std::string channel,
                             const std::optional<PulsarId>& start,
                             bool inclusive,
                             size_t prefetch_bytes,
                             const Clock* clock,
                             Wakeup* wakeup)
    : client_(std::move(client)),
      channel_(std::move(channel)),
      prefetch_bytes_(prefetch_bytes),
      clock_(clock),
      wakeup_(wakeup),
      last_(start ? std::optional(Before(*start, inclusive)) : std::nullopt),
      place_(start),
      thread_("cdc-pulsar", [this](const std::stop_token& stop) { Run(stop); }) {}

Status PulsarChannel::Take(size_t max_bytes, std::vector<LogRecord>* records) {
  MutexLock lock(mutex_);
  for (size_t bytes = 0; bytes < max_bytes && !queue_.empty(); queue_.pop_front()) {
    bytes += queue_.front().payload.bytes.size();
    queued_bytes_ -= queue_.front().payload.bytes.size();
    records->push_back(std::move(queue_.front()));
  }
  if (queued_bytes_ < prefetch_bytes_) {
    room_.NotifyAll();
  }
  // An error comes after the records before it.
  return queue_.empty() ? error_ : OkStatus();
}

void PulsarChannel::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    Status status = Follow(stop);
    if (stop.stop_requested()) {
      break;
    }
    // Left out in one attempt: the next one shows whether it is missing for good.
    if (status.code() != StatusCode::kAborted) {
      SetError(std::move(status));
      Pause(kRetry, stop);
    }
  }
  ended_ = true;
}

Status PulsarChannel::Follow(const std::stop_token& stop) {
  auto opened = client_->Open(channel_, After(last_), kRecordsAhead, stop);
  if (opened.status().code() == StatusCode::kNotFound) {
    return last_ ? UnavailableError("the topic is gone: " + channel_) : OkStatus();
  }
  CDC_ASSIGN_OR_RETURN(const std::unique_ptr<PulsarTopicReader> reader, std::move(opened));
  uint64_t mark = PulsarClient::Mark();
  auto connected_at = clock_->Now();
  while (!stop.stop_requested()) {
    CDC_ASSIGN_OR_RETURN(auto record, reader->Next(kSlice));
    if (record) {
      CDC_RETURN_IF_ERROR(Accept(*std::move(record), stop));
      connected_at = clock_->Now();
    } else if (reader->connected()) {
      mark = PulsarClient::Mark();
      connected_at = clock_->Now();
      EndOutage();
    } else if (clock_->Now() - connected_at > kLost) {
      SetError(client_->Failure("the connection is lost", kPulsarNotConnected, mark));
    }
  }
  return OkStatus();
}

Status PulsarChannel::Accept(PulsarRecord record, const std::stop_token& stop) {
  if (last_) {
    if (record.id.ledger < last_->ledger) {
      return FailedPreconditionError(
          "position behind the end of the log, is this the Pulsar of the same Milvus: channel " +
          channel_ + ": " + place_->ToString() + " > " + record.id.ToString());
    }
    if (record.id <= *last_) {
      return OkStatus();  // the library began earlier
    }
    if (record.id.ledger > last_->ledger) {
      CDC_RETURN_IF_ERROR(CheckNextLedger(record, stop));
    } else if (record.id.entry > last_->entry + 1) {
      CDC_RETURN_IF_ERROR(LookAgain());
      return Missing(record.id);
    }
  }
  last_ = record.id;
  place_ = record.id;
  last_published_ms_ = record.published_ms;
  Queue(std::move(record), stop);
  return OkStatus();
}

// A broker may have moved the reader forward, past records that it still holds: for instance those
// that are older than the TTL of its namespace. Another reader begins right after the last record.
Status PulsarChannel::LookAgain() {
  if (gap_after_ != last_) {
    gap_after_ = last_;
    return Status(StatusCode::kAborted, "look again");
  }
  return OkStatus();
}

Status PulsarChannel::Missing(const PulsarId& next) const {
  return DataLossError("records of topic " + channel_ + " are missing between " +
                       place_->ToString() + " and " + next.ToString() +
                       ": resume the task to look once more; if they are gone for good, create it "
                       "again with start_from: snapshot");
}

Status PulsarChannel::CheckNextLedger(const PulsarRecord& record, const std::stop_token& stop) {
  const bool soon =
      last_published_ms_ && std::abs(record.published_ms - *last_published_ms_) < kSameTimeMs;
  if (soon && record.id.entry == 0) {
    return OkStatus();
  }
  CDC_RETURN_IF_ERROR(LookAgain());
  CDC_ASSIGN_OR_RETURN(const PulsarId oldest, OldestOf(client_.get(), channel_, *clock_, stop));
  if (oldest > *place_) {
    return PulsarExpired(channel_, *place_, oldest);
  }
  return record.id.entry == 0 ? OkStatus() : Missing(record.id);
}

void PulsarChannel::Queue(PulsarRecord record, const std::stop_token& stop) {
  MutexLock lock(mutex_);
  error_ = OkStatus();
  queued_bytes_ += record.payload.bytes.size();
  queue_.push_back({EncodePulsarId(record.id), std::move(record.payload), std::move(record.wal)});
  wakeup_->Signal();
  room_.Wait(lock, stop, [this] { return queued_bytes_ < prefetch_bytes_; });
}

void PulsarChannel::SetError(Status error) {
  MutexLock lock(mutex_);
  error_ = std::move(error);
  wakeup_->Signal();
}

void PulsarChannel::EndOutage() {
  MutexLock lock(mutex_);
  if (error_.code() == StatusCode::kUnavailable) {
    error_ = OkStatus();
    wakeup_->Signal();
  }
}

}  // namespace cdc
