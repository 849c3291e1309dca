#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "source/snapshot_source.h"

namespace cdc {

// Stored rows set by a test. Thread-safe.
class FakeSnapshotSource final : public SnapshotSource {
 public:
  // One part: a record of `rows` rows for each payload.
  struct Stored {
    int64_t id = 0;
    std::vector<std::string> payloads;
    uint32_t rows = 0;  // of each payload
    Status failure;     // after the payloads
    std::string vchannel = {};
  };
  struct StoredShard {
    Takeover takeover;
    std::vector<Stored> parts;
  };
  using StoredShards = std::map<std::string, StoredShard>;  // by vchannel

  // What the next plans find; the last one stays.
  void Add(StoredShards shards) {
    MutexLock lock(mutex_);
    next_.push_back(std::move(shards));
  }
  void SetSeenUntil(Result<Timestamp> time) {
    MutexLock lock(mutex_);
    seen_until_ = std::move(time);
  }
  // What was asked for, plan by plan.
  std::vector<std::map<std::string, Takeover>> asked() const {
    MutexLock lock(mutex_);
    return asked_;
  }
  std::vector<CopySelection> selections() const {
    MutexLock lock(mutex_);
    return selections_;
  }

  Result<std::unique_ptr<CollectionSnapshot>> Plan(const Collection& /*collection*/,
                                                   const std::map<std::string, Takeover>& takeover,
                                                   const CopySelection& selection,
                                                   const std::stop_token& /*stop*/) override {
    MutexLock lock(mutex_);
    asked_.push_back(takeover);
    selections_.push_back(selection);
    if (next_.empty()) {
      return UnavailableError("the storage is away");
    }
    StoredShards shards = next_.front();
    if (next_.size() > 1) {
      next_.pop_front();
    }
    return std::unique_ptr<CollectionSnapshot>(
        std::make_unique<FakeSnapshot>(this, std::move(shards)));
  }

 private:
  class FakeRows final : public SnapshotRows {
   public:
    explicit FakeRows(Stored part) : part_(std::move(part)) {}

    Result<std::optional<SnapshotRecord>> Next(const std::stop_token& stop) override {
      if (stop.stop_requested()) {
        return CancelledError("stopped");
      }
      if (record_ < part_.payloads.size()) {
        return std::optional(SnapshotRecord{.payload = Payload::Own(part_.payloads[record_++]),
                                            .rows = part_.rows,
                                            .vchannel = part_.vchannel});
      }
      CDC_RETURN_IF_ERROR(part_.failure);
      return std::optional<SnapshotRecord>();
    }

   private:
    const Stored part_;
    size_t record_ = 0;
  };

  class FakeSnapshot final : public CollectionSnapshot {
   public:
    FakeSnapshot(const FakeSnapshotSource* source, StoredShards stored)
        : source_(source), stored_(std::move(stored)) {
      for (const auto& [vchannel, shard] : stored_) {
        shards_[vchannel].takeover = shard.takeover;
        for (const Stored& part : shard.parts) {
          const auto rows = static_cast<int64_t>(part.rows * part.payloads.size());
          shards_[vchannel].parts.push_back({.id = part.id, .rows = rows, .bytes = rows * 10});
        }
      }
    }

    const std::map<std::string, Shard>& shards() const override { return shards_; }
    std::unique_ptr<SnapshotRows> Read(const std::string& vchannel, int64_t part) const override {
      const std::vector<Stored>& parts = stored_.at(vchannel).parts;
      return std::make_unique<FakeRows>(*std::ranges::find(parts, part, &Stored::id));
    }
    // With all fields, as they were set.
    std::unique_ptr<SnapshotRows> ReadKeys(const std::string& vchannel,
                                           int64_t part) const override {
      return Read(vchannel, part);
    }

    Result<Timestamp> SeenUntil(const std::stop_token& /*stop*/) const override {
      MutexLock lock(source_->mutex_);
      return source_->seen_until_;
    }

   private:
    const FakeSnapshotSource* const source_;
    const StoredShards stored_;
    std::map<std::string, Shard> shards_;
  };

  mutable Mutex mutex_;
  std::deque<StoredShards> next_ CDC_GUARDED_BY(mutex_);
  std::vector<std::map<std::string, Takeover>> asked_ CDC_GUARDED_BY(mutex_);
  std::vector<CopySelection> selections_ CDC_GUARDED_BY(mutex_);
  Result<Timestamp> seen_until_ CDC_GUARDED_BY(mutex_) = Timestamp{};
};

}  // namespace cdc
