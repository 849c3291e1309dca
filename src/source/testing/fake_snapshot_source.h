#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "source/snapshot_source.h"

namespace cdc {

// Stored rows set by a test. Thread-safe.
class FakeSnapshotSource final : public SnapshotSource {
 public:
  // One segment: a record of `rows` rows for each payload.
  struct Stored {
    int64_t id = 0;
    std::vector<std::string> payloads;
    uint32_t rows = 0;  // of each payload
    Status failure;     // after the payloads
  };
  struct StoredShard {
    Takeover takeover;
    std::vector<Stored> segments;
  };
  using StoredShards = std::map<std::string, StoredShard>;  // by vchannel

  // What the next plans find; the last one stays.
  void Add(StoredShards shards) {
    MutexLock lock(mutex_);
    next_.push_back(std::move(shards));
  }
  // What was asked for, plan by plan.
  std::vector<std::map<std::string, Takeover>> asked() const {
    MutexLock lock(mutex_);
    return asked_;
  }

  Result<std::unique_ptr<CollectionSnapshot>> Plan(const Collection& /*collection*/,
                                                   const std::map<std::string, Takeover>& takeover,
                                                   const std::stop_token& /*stop*/) override {
    MutexLock lock(mutex_);
    asked_.push_back(takeover);
    if (next_.empty()) {
      return UnavailableError("the storage is away");
    }
    StoredShards shards = next_.front();
    if (next_.size() > 1) {
      next_.pop_front();
    }
    return std::unique_ptr<CollectionSnapshot>(std::make_unique<FakeSnapshot>(std::move(shards)));
  }

 private:
  class FakeRows final : public SnapshotRows {
   public:
    explicit FakeRows(std::vector<Stored> segments) : segments_(std::move(segments)) {}

    Result<std::optional<SnapshotRecord>> Next(const std::stop_token& stop) override {
      if (stop.stop_requested()) {
        return CancelledError("stopped");
      }
      while (segment_ < segments_.size()) {
        const Stored& segment = segments_[segment_];
        if (record_ < segment.payloads.size()) {
          return std::optional(SnapshotRecord{.payload = Payload::Own(segment.payloads[record_++]),
                                              .rows = segment.rows,
                                              .segment = segment.id});
        }
        CDC_RETURN_IF_ERROR(segment.failure);
        ++segment_;
        record_ = 0;
      }
      return std::optional<SnapshotRecord>();
    }

   private:
    const std::vector<Stored> segments_;
    size_t segment_ = 0;
    size_t record_ = 0;
  };

  class FakeSnapshot final : public CollectionSnapshot {
   public:
    explicit FakeSnapshot(StoredShards stored) : stored_(std::move(stored)) {
      for (const auto& [vchannel, shard] : stored_) {
        shards_[vchannel].takeover = shard.takeover;
        for (const Stored& segment : shard.segments) {
          const auto rows = static_cast<int64_t>(segment.rows * segment.payloads.size());
          shards_[vchannel].segments.push_back(
              {.id = segment.id, .rows = rows, .bytes = rows * 10});
        }
      }
    }

    const std::map<std::string, Shard>& shards() const override { return shards_; }
    std::unique_ptr<SnapshotRows> Read(const std::string& vchannel,
                                       const std::set<int64_t>& done) const override {
      std::vector<Stored> segments = stored_.at(vchannel).segments;
      std::erase_if(segments, [&done](const Stored& each) { return done.contains(each.id); });
      return std::make_unique<FakeRows>(std::move(segments));
    }

   private:
    const StoredShards stored_;
    std::map<std::string, Shard> shards_;
  };

  mutable Mutex mutex_;
  std::deque<StoredShards> next_ CDC_GUARDED_BY(mutex_);
  std::vector<std::map<std::string, Takeover>> asked_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
