#include "source/woodpecker/woodpecker_log_reader.h"

#include <utility>

#include "source/woodpecker/woodpecker_id.h"

namespace cdc {

WoodpeckerLogReader::WoodpeckerLogReader(std::shared_ptr<WoodpeckerMeta> meta,
                                         std::shared_ptr<Storage> storage,
                                         const WoodpeckerOptions& options)
    : meta_(std::move(meta)), storage_(std::move(storage)), options_(options) {}

WoodpeckerLogReader::~WoodpeckerLogReader() {
  // All at once: each may take a moment.
  for (const auto& [name, followed] : channels_) {
    followed.channel->RequestStop();
  }
}

Status WoodpeckerLogReader::Add(const std::string& name, const std::optional<LogPosition>& start) {
  if (name.empty()) {
    return InvalidArgumentError("a channel has a name");
  }
  if (channels_.contains(name)) {
    return AlreadyExistsError("the channel is being read: " + name);
  }
  std::optional<WoodpeckerId> id;
  if (start) {
    CDC_ASSIGN_OR_RETURN(id, DecodeWoodpeckerId(start->id));
    // The entry after the last one of a segment does not exist; then the next segment follows.
    id->entry += start->inclusive ? 0 : 1;
  }
  channels_[name].channel = std::make_unique<WoodpeckerChannel>(meta_.get(), storage_.get(),
                                                                options_, name, id, &wakeup_);
  return OkStatus();
}

void WoodpeckerLogReader::Remove(const std::string& name) {
  Bury();
  if (const auto at = channels_.find(name); at != channels_.end()) {
    at->second.channel->RequestStop();
    leaving_.push_back(std::move(at->second.channel));
    channels_.erase(at);
  }
}

void WoodpeckerLogReader::SetPaused(const std::string& name, bool paused) {
  if (const auto at = channels_.find(name); at != channels_.end()) {
    at->second.paused = paused;
  }
}

Status WoodpeckerLogReader::Poll(size_t max_bytes,
                                 std::chrono::milliseconds timeout,
                                 const std::stop_token& stop,
                                 std::vector<LogBatch>* out) {
  Bury();
  const auto deadline = options_.clock->Now() + timeout;
  while (true) {
    wakeup_.Reset();
    if (TakeAll(max_bytes, out)) {
      break;
    }
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - options_.clock->Now());
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

bool WoodpeckerLogReader::TakeAll(size_t max_bytes, std::vector<LogBatch>* out) {
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

void WoodpeckerLogReader::Bury() {
  std::erase_if(leaving_, [](const auto& channel) { return channel->ended(); });
}

}  // namespace cdc
