#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

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

// What a message to a collection of a standby has to say: the ids and channels it has there.
struct StandbyLayout {
  CollectionId id;
  std::vector<std::string> vchannels;  // by shard index
  std::vector<std::string> pchannels;  // of these
  std::map<std::string, PartitionId> partitions;
  PartitionId default_partition;  // the oldest one; none if there is a partition key
  bool has_partition_key = false;
  std::map<std::string, FieldId, std::less<>> fields;
  FieldId dynamic_field;  // the one behind all that are told
};
using StandbyLayoutPtr = std::shared_ptr<const StandbyLayout>;

// The number at the end of "<pchannel>_<collection>v<number>". kInvalidArgument: there is none.
Result<size_t> ShardIndex(std::string_view vchannel);

// kInternal: channels that are not one a shard.
Result<StandbyLayout> MakeStandbyLayout(
    const ::milvus::proto::milvus::DescribeCollectionResponse& collection,
    const ::milvus::proto::milvus::ShowPartitionsResponse& partitions);

// The layouts of a standby's collections, asked for when they are needed and kept for a while.
// Thread-safe.
class StandbyLayouts {
 public:
  struct Options {
    std::chrono::milliseconds timeout{30'000};
    // Somebody else may drop a collection and make it anew.
    std::chrono::milliseconds keep{10'000};
    std::function<void(const StandbyLayout&)> on_layout;  // of each that is learnt
  };

  // `channel` must outlive this, and must have ended its calls before this is destroyed.
  StandbyLayouts(MilvusChannel* channel, Options options)
      : channel_(channel), options_(std::move(options)) {}

  // `done` is called once, from this thread or another one. kNotFound: no such collection.
  using Done = std::function<void(const Result<StandbyLayoutPtr>&)>;
  void Find(const CollectionName& name, Done done);

  // What is known of it may be wrong; it is asked for again when it is needed.
  void Forget(const CollectionName& name);

 private:
  struct Entry {
    StandbyLayoutPtr layout;
    std::chrono::steady_clock::time_point known_since;
    bool asking = false;
    bool outdated = false;  // forgotten while it was asked for
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
