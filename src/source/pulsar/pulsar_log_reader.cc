#include "source/pulsar/pulsar_log_reader.h"

#include <utility>

namespace cdc {

PulsarLogReader::~PulsarLogReader() {
  // All at once: each may take a moment.
  for (const auto& [name, followed] : channels_) {
    followed.channel->RequestStop();
  }
}

Status PulsarLogReader::Add(const std::string& name, const std::optional<LogPosition>& start) {
  if (name.empty()) {
    return InvalidArgumentError("a channel has a name");
  }
  if (channels_.contains(name)) {
    return AlreadyExistsError("the channel is being read: " + name);
  }
  std::optional<PulsarId> id;
  if (start) {
    CDC_ASSIGN_OR_RETURN(id, DecodePulsarId(start->id));
  }
  channels_[name].channel = std::make_unique<PulsarChannel>(
      client_, name, id, !start || start->inclusive, prefetch_bytes_, clock_, &wakeup_);
  return OkStatus();
}

void PulsarLogReader::Remove(const std::string& name) {
  Bury();
  if (const auto at = channels_.find(name); at != channels_.end()) {
    at->second.channel->RequestStop();
    leaving_.push_back(std::move(at->second.channel));
    channels_.erase(at);
  }
}

void PulsarLogReader::SetPaused(const std::string& name, bool paused) {
  if (const auto at = channels_.find(name); at != channels_.end()) {
    at->second.paused = paused;
  }
}

Status PulsarLogReader::Poll(size_t max_bytes,
                             std::chrono::milliseconds timeout,
                             const std::stop_token& stop,
                             std::vector<LogBatch>* out) {
  Bury();
  const auto deadline = clock_->Now() + timeout;
  while (true) {
    wakeup_.Reset();
    if (TakeAll(max_bytes, out)) {
      break;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock_->Now());
    if (left.count() <= 0 || stop.stop_requested()) {
      break;
    }
    wakeup_.Wait(left, stop);
  }
  for (const auto& [name, followed] : channels_) {
    if (!followed.error.ok()) {
      out->push_back({name, {}, followed.error});
    }
  }
  return OkStatus();
}

bool PulsarLogReader::TakeAll(size_t max_bytes, std::vector<LogBatch>* out) {
  bool news = false;
  for (auto& [name, followed] : channels_) {
    if (followed.paused) {
      continue;
    }
    LogBatch batch{.channel = name, .records = {}, .status = {}};
    Status error = followed.channel->Take(max_bytes, &batch.records);
    news = news || (!error.ok() && error != followed.error);
    followed.error = std::move(error);
    if (!batch.records.empty()) {
      news = true;
      out->push_back(std::move(batch));
    }
  }
  return news;
}

void PulsarLogReader::Bury() {
  std::erase_if(leaving_, [](const auto& channel) { return channel->ended(); });
}

}  // namespace cdc
