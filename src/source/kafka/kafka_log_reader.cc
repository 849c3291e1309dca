#include "source/kafka/kafka_log_reader.h"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "source/kafka/kafka_log_offset.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;

// How long a call to a broker may block all channels.
constexpr milliseconds kLookTimeout{500};
// The time between attempts to begin a channel or reach a broker.
constexpr milliseconds kRetry{250};
// The longest wait between checks of the queues.
constexpr milliseconds kMaxWait{100};

}  // namespace

KafkaLogReader::KafkaLogReader(std::shared_ptr<KafkaClient> client, const Clock* clock)
    : client_(std::move(client)), clock_(clock) {
  client_->SetWakeup(&wakeup_);
}

KafkaLogReader::~KafkaLogReader() {
  // Payloads may keep the client alive beyond this reader.
  client_->SetWakeup(nullptr);
}

Status KafkaLogReader::Add(const std::string& name, const std::optional<LogPosition>& start) {
  if (name.empty()) {
    return InvalidArgumentError("a channel has a name");
  }
  if (channels_.contains(name)) {
    return AlreadyExistsError("the channel is being read: " + name);
  }
  Channel channel;
  if (start) {
    CDC_ASSIGN_OR_RETURN(const int64_t offset, DecodeKafkaOffset(start->id));
    channel.next = start->inclusive ? offset : offset + 1;
  }
  CDC_ASSIGN_OR_RETURN(channel.partition, KafkaPartition::Open(client_, name, &wakeup_));
  channels_.emplace(name, std::move(channel));
  return OkStatus();
}

void KafkaLogReader::Remove(const std::string& name) { channels_.erase(name); }

void KafkaLogReader::SetPaused(const std::string& name, bool paused) {
  if (const auto at = channels_.find(name); at != channels_.end()) {
    at->second.paused = paused;
  }
}

Status KafkaLogReader::Poll(size_t max_bytes,
                            milliseconds timeout,
                            const std::stop_token& stop,
                            std::vector<LogBatch>* out) {
  const auto deadline = clock_->Now() + timeout;
  while (true) {
    wakeup_.Reset();
    client_->Serve();
    if (ReadAll(max_bytes, out)) {
      break;
    }
    Retry();
    const auto left = std::chrono::ceil<milliseconds>(deadline - clock_->Now());
    if (left.count() <= 0 || stop.stop_requested()) {
      CDC_RETURN_IF_ERROR(client_->failure());
      break;
    }
    wakeup_.Wait(std::min({left, kMaxWait, UntilNextTry()}), stop);
  }
  for (const auto& [name, channel] : channels_) {
    if (!channel.error.ok()) {
      out->push_back({name, {}, channel.error});
    }
  }
  return OkStatus();
}

bool KafkaLogReader::ReadAll(size_t max_bytes, std::vector<LogBatch>* out) {
  bool news = false;
  for (auto& [name, channel] : channels_) {
    if (channel.paused) {
      continue;
    }
    const Status before = channel.error;
    if (!channel.partition->started()) {
      Begin(name, &channel);
    }
    if (channel.partition->started()) {
      LogBatch batch{.channel = name, .records = {}, .status = {}};
      const Status status = Read(max_bytes, &channel, &batch.records);
      if (!batch.records.empty()) {
        news = true;
        channel.error = OkStatus();
        client_->ClearFailure();
        out->push_back(std::move(batch));
      }
      if (!status.ok()) {
        channel.partition->Stop();
        channel.try_after = clock_->Now() + kRetry;
        channel.error = Explain(name, channel, status);
      }
    }
    news = news || (!channel.error.ok() && channel.error != before);
  }
  return news;
}

void KafkaLogReader::Begin(const std::string& name, Channel* channel) {
  // While no broker answers, the ping in Retry is enough.
  if (clock_->Now() < channel->try_after || !client_->failure().ok()) {
    return;
  }
  channel->error = TryBegin(name, channel);
  channel->try_after = clock_->Now() + kRetry;
}

Status KafkaLogReader::TryBegin(const std::string& name, Channel* channel) {
  if (!channel->error.ok() && channel->next) {
    // Check first whether the error still holds: it must not be withdrawn and reported again.
    CDC_ASSIGN_OR_RETURN(const auto watermarks,
                         client_->Watermarks(name, kKafkaPartition, kLookTimeout));
    if (watermarks) {
      CDC_RETURN_IF_ERROR(CheckKafkaOffset(name, *channel->next, *watermarks));
    }
  }
  CDC_ASSIGN_OR_RETURN(const int partitions, client_->CountPartitions(name, kLookTimeout));
  if (partitions > 0) {
    channel->existed = true;
    return channel->partition->Start(channel->next);
  }
  return channel->existed ? UnavailableError("the topic is gone: " + name) : OkStatus();
}

Status KafkaLogReader::Read(size_t max_bytes, Channel* channel, std::vector<LogRecord>* records) {
  for (size_t bytes = 0; bytes < max_bytes;) {
    std::optional<Result<KafkaRecord>> taken = channel->partition->Next();
    if (!taken) {
      break;
    }
    CDC_ASSIGN_OR_RETURN(KafkaRecord record, *std::move(taken));
    // After a restart: nothing is delivered twice.
    if (channel->next && record.offset < *channel->next) {
      continue;
    }
    channel->next = record.offset + 1;
    bytes += record.payload.bytes.size();
    records->push_back(
        {EncodeKafkaOffset(record.offset), std::move(record.payload), std::move(record.wal)});
  }
  return OkStatus();
}

Status KafkaLogReader::Explain(const std::string& name,
                               const Channel& channel,
                               const Status& error) {
  if (error.code() == StatusCode::kOutOfRange && channel.next) {
    CDC_ASSIGN_OR_RETURN(const auto watermarks,
                         client_->Watermarks(name, kKafkaPartition, kLookTimeout));
    if (watermarks) {
      CDC_RETURN_IF_ERROR(CheckKafkaOffset(name, *channel.next, *watermarks));
    }
  }
  // Not permanent: the topic may come (back), or the offset is there after all.
  if (error.code() == StatusCode::kNotFound || error.code() == StatusCode::kOutOfRange) {
    return UnavailableError("topic " + name + ": " + error.message());
  }
  return error.WithContext("topic " + name);
}

void KafkaLogReader::Retry() {
  if (client_->failure().ok() || clock_->Now() < ping_after_) {
    return;
  }
  if (client_->Ping(kLookTimeout).ok()) {
    spdlog::info("kafka answers again");
  }
  ping_after_ = clock_->Now() + kRetry;
}

milliseconds KafkaLogReader::UntilNextTry() const {
  milliseconds wait = kMaxWait;
  for (const auto& [name, channel] : channels_) {
    if (!channel.paused && !channel.partition->started()) {
      wait = std::min(wait, std::chrono::ceil<milliseconds>(channel.try_after - clock_->Now()));
    }
  }
  // Never zero: a channel may be waiting for a broker.
  return std::max(wait, milliseconds(10));
}

}  // namespace cdc
