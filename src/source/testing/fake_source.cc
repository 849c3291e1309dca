#include "source/testing/fake_source.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace cdc {

std::shared_ptr<const Catalog> FakeCatalog::Current() const {
  MutexLock lock(mutex_);
  return current_;
}

Result<std::shared_ptr<const Catalog>> FakeCatalog::Sync(const std::stop_token& /*stop*/) {
  {
    MutexLock lock(mutex_);
    if (failures_ > 0) {
      --failures_;
      return failure_;
    }
    if (unseen_ != nullptr) {
      current_ = std::exchange(unseen_, nullptr);
    }
  }
  Notify();
  return Current();
}

std::unique_ptr<CatalogSource::Subscription> FakeCatalog::Subscribe(Listener listener) {
  class Handle : public Subscription {
   public:
    Handle(FakeCatalog* catalog, std::list<Listener>::iterator place)
        : catalog_(catalog), place_(place) {}
    ~Handle() override {
      MutexLock lock(catalog_->mutex_);
      catalog_->listeners_.erase(place_);
    }

   private:
    FakeCatalog* catalog_;
    std::list<Listener>::iterator place_;
  };
  MutexLock lock(mutex_);
  return std::make_unique<Handle>(this, listeners_.insert(listeners_.end(), std::move(listener)));
}

void FakeCatalog::Set(Catalog catalog) {
  {
    MutexLock lock(mutex_);
    current_ = std::make_shared<const Catalog>(std::move(catalog));
  }
  Notify();
}

void FakeCatalog::SetUnseen(Catalog catalog) {
  MutexLock lock(mutex_);
  unseen_ = std::make_shared<const Catalog>(std::move(catalog));
}

Result<Timestamp> FakeCatalog::Present(const std::stop_token& /*stop*/) {
  MutexLock lock(mutex_);
  return present_;
}

void FakeCatalog::SetPresent(Timestamp present) {
  MutexLock lock(mutex_);
  present_ = present;
}

void FakeCatalog::FailPresent(const Status& status) {
  MutexLock lock(mutex_);
  present_ = status;
}

void FakeCatalog::FailSync(int times, const Status& status) {
  MutexLock lock(mutex_);
  failures_ = times;
  failure_ = status;
}

void FakeCatalog::Notify() {
  MutexLock lock(mutex_);
  for (const Listener& listener : listeners_) {
    listener();
  }
}

MsgId FakeLog::IdOf(int64_t number) {
  std::string bytes(sizeof(number), '\0');
  std::memcpy(bytes.data(), &number, sizeof(number));
  return {std::move(bytes)};
}

int64_t FakeLog::NumberOf(const MsgId& id) {
  int64_t number = 0;
  CDC_CHECK(id.bytes.size() == sizeof(number));
  std::memcpy(&number, id.bytes.data(), sizeof(number));
  return number;
}

MsgId FakeLog::Append(const std::string& channel, std::string payload) {
  MutexLock lock(mutex_);
  Topic& topic = topics_[channel];
  topic.records.push_back(std::move(payload));
  appended_.NotifyAll();
  return IdOf(topic.first + static_cast<int64_t>(topic.records.size()) - 1);
}

void FakeLog::Expire(const std::string& channel, const MsgId& id) {
  MutexLock lock(mutex_);
  Topic& topic = topics_[channel];
  const int64_t gone = NumberOf(id) - topic.first;
  topic.records.erase(topic.records.begin(), topic.records.begin() + gone);
  topic.first = NumberOf(id);
}

void FakeLog::FailQuestions(Status status) {
  MutexLock lock(mutex_);
  failure_ = std::move(status);
}

size_t FakeLog::questions() const {
  MutexLock lock(mutex_);
  return questions_;
}

Result<std::optional<MsgId>> FakeLog::Latest(const std::string& channel) {
  MutexLock lock(mutex_);
  ++questions_;
  CDC_RETURN_IF_ERROR(failure_);
  const auto found = topics_.find(channel);
  if (found == topics_.end() || found->second.records.empty()) {
    return std::optional<MsgId>();
  }
  const Topic& topic = found->second;
  return std::optional(IdOf(topic.first + static_cast<int64_t>(topic.records.size()) - 1));
}

Status FakeLog::CheckPosition(const std::string& channel, const LogPosition& start) {
  MutexLock lock(mutex_);
  ++questions_;
  CDC_RETURN_IF_ERROR(failure_);
  if (NumberOf(start.id) < topics_[channel].first) {
    return OutOfRangeError("position expired: channel " + channel);
  }
  return OkStatus();
}

std::strong_ordering FakeLog::Compare(const MsgId& a, const MsgId& b) const {
  return NumberOf(a) <=> NumberOf(b);
}

std::string FakeLog::FormatId(const MsgId& id) const { return std::to_string(NumberOf(id)); }

class FakeLogReader : public LogReader {
 public:
  explicit FakeLogReader(FakeLog* log) : log_(log) {}

  Status Add(const std::string& channel, const std::optional<LogPosition>& start) override {
    Cursor cursor;
    if (start.has_value()) {
      cursor.next = FakeLog::NumberOf(start->id) + (start->inclusive ? 0 : 1);
      cursor.from_first = false;
    }
    channels_[channel] = cursor;
    return OkStatus();
  }

  void Remove(const std::string& channel) override { channels_.erase(channel); }

  void SetPaused(const std::string& channel, bool paused) override {
    channels_.at(channel).paused = paused;
  }

  Status Poll(size_t max_bytes,
              std::chrono::milliseconds timeout,
              const std::stop_token& stop,
              std::vector<LogBatch>* out) override {
    MutexLock lock(log_->mutex_);
    log_->appended_.WaitFor(lock, stop, timeout, [&] {
      Collect(max_bytes, out);
      return !out->empty();
    });
    return OkStatus();
  }

 private:
  struct Cursor {
    int64_t next = 1;
    bool from_first = true;  // nothing delivered yet, and no position given
    bool paused = false;
  };

  void Collect(size_t max_bytes, std::vector<LogBatch>* out) {
    for (auto& [name, cursor] : channels_) {
      const auto found = log_->topics_.find(name);
      if (cursor.paused || found == log_->topics_.end()) {
        continue;
      }
      const FakeLog::Topic& topic = found->second;
      LogBatch batch{.channel = name, .records = {}, .status = {}};
      if (cursor.from_first) {
        cursor.next = std::max(cursor.next, topic.first);
      }
      if (cursor.next < topic.first) {
        batch.status = OutOfRangeError("position expired: channel " + name);
        out->push_back(std::move(batch));
        continue;
      }
      for (size_t bytes = 0; bytes < max_bytes; ++cursor.next) {
        const auto index = static_cast<size_t>(cursor.next - topic.first);
        if (index >= topic.records.size()) {
          break;
        }
        bytes += topic.records[index].size();
        cursor.from_first = false;
        batch.records.push_back(
            {.id = FakeLog::IdOf(cursor.next), .payload = Payload::Own(topic.records[index])});
      }
      if (!batch.records.empty()) {
        out->push_back(std::move(batch));
      }
    }
  }

  FakeLog* log_;
  std::map<std::string, Cursor> channels_;
};

Result<std::unique_ptr<LogReader>> FakeLog::NewReader() {
  return std::unique_ptr<LogReader>(std::make_unique<FakeLogReader>(this));
}

}  // namespace cdc
