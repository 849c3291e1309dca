#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "milvus/milvus_channel.h"
#include "model/ids.h"
#include "model/rows.h"

namespace milvus::proto::milvus {
class DescribeCollectionResponse;
class ShowPartitionsResponse;
}  // namespace milvus::proto::milvus

namespace cdc {

// The ids and channels of a standby's collection, which a message to it must carry.
struct StandbyLayout {
  CollectionId id;
  std::vector<std::string> vchannels;  // by shard index
  std::vector<std::string> pchannels;  // likewise
  std::map<std::string, PartitionId> partitions;
  PartitionId default_partition;  // the oldest one; unset if there is a partition key
  bool has_partition_key = false;
  std::map<std::string, FieldId, std::less<>> fields;
  FieldId dynamic_field;  // hidden: Milvus does not report it
};
using StandbyLayoutPtr = std::shared_ptr<const StandbyLayout>;

// The number at the end of "<pchannel>_<collection>v<number>". kInvalidArgument: it has none.
Result<size_t> ShardIndex(std::string_view vchannel);

// kInternal: the collection does not have one channel per shard.
Result<StandbyLayout> MakeStandbyLayout(
    const ::milvus::proto::milvus::DescribeCollectionResponse& collection,
    const ::milvus::proto::milvus::ShowPartitionsResponse& partitions);

// The layouts of a standby's collections: read when they are needed, and cached for a while.
//
// Thread-safe.
class StandbyLayouts {
 public:
  struct Options {
    std::chrono::milliseconds timeout{30'000};  // of each call
    // How long a layout is cached. Somebody else may drop a collection and create it again.
    std::chrono::milliseconds keep{10'000};
    const Clock* clock = &Clock::Real();
    // Called with every layout that is read; must return at once.
    std::function<void(const StandbyLayout&)> on_layout;
  };

  // `channel` must outlive this, and must have ended its calls before this is destroyed.
  StandbyLayouts(MilvusChannel* channel, Options options)
      : channel_(channel), options_(std::move(options)) {}

  // `done` is called exactly once, from this thread or another one. kNotFound: there is no such
  // collection, or the name is an alias.
  using Done = std::function<void(const Result<StandbyLayoutPtr>&)>;
  void Find(const CollectionName& name, Done done);

  // Drops the cached layout, which may be wrong. A Find in progress reads it once more.
  void Forget(const CollectionName& name);

 private:
  struct Entry {
    StandbyLayoutPtr layout;
    Clock::TimePoint read_at;
    bool asking = false;
    bool outdated = false;  // forgotten while it was being read
    std::vector<Done> waiting;
  };

  void Ask(const CollectionName& name);
  void AskPartitions(
      const CollectionName& name,
      const std::shared_ptr<::milvus::proto::milvus::DescribeCollectionResponse>& collection);
  void Answer(const CollectionName& name, const Result<StandbyLayoutPtr>& layout);

  MilvusChannel* const channel_;
  const Options options_;
  Mutex mutex_;
  std::map<CollectionName, Entry> entries_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
