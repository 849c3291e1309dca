#include "sink/standby/standby_layout.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include <grpcpp/support/byte_buffer.h>

#include "milvus.pb.h"
#include "milvus/milvus_call.h"
#include "milvus/milvus_status.h"

namespace cdc {
namespace {

namespace pb = ::milvus::proto::milvus;

constexpr int64_t kFirstUserField = 100;

template <class Request>
grpc::ByteBuffer BytesFor(const CollectionName& name) {
  const grpc::Slice slice(RequestFor<Request>(name).SerializeAsString());
  return {&slice, 1};
}

template <class Response>
Status Read(const CallResult& result, grpc::ByteBuffer* bytes, Response* response) {
  CDC_RETURN_IF_ERROR(result.status);
  CDC_RETURN_IF_ERROR(MilvusChannel::Parse(bytes, response));
  return FromMilvusStatus(response->status());
}

// Milvus creates the hidden field of the dynamic keys after all others and does not report it, so
// its id is the next one.
void ReadFields(const pb::DescribeCollectionResponse& collection, StandbyLayout* layout) {
  int64_t last = kFirstUserField - 1;
  for (const auto& field : collection.schema().fields()) {
    layout->fields[field.name()] = {field.fieldid()};
    layout->has_partition_key = layout->has_partition_key || field.is_partition_key();
    last = std::max(last, field.fieldid());
  }
  layout->dynamic_field = {last + 1};
}

}  // namespace

Result<size_t> ShardIndex(std::string_view vchannel) {
  const size_t at = vchannel.rfind('v');
  size_t index = 0;
  const char* const end = vchannel.data() + vchannel.size();
  const auto [read, error] = at == std::string_view::npos
                                 ? std::from_chars_result{end, std::errc::invalid_argument}
                                 : std::from_chars(vchannel.data() + at + 1, end, index);
  if (error != std::errc() || read != end) {
    return InvalidArgumentError("the channel has no shard number: " + std::string(vchannel));
  }
  return index;
}

Result<StandbyLayout> MakeStandbyLayout(const pb::DescribeCollectionResponse& collection,
                                        const pb::ShowPartitionsResponse& partitions) {
  StandbyLayout layout;
  layout.id = {collection.collectionid()};
  const auto& virtuals = collection.virtual_channel_names();
  const auto& physicals = collection.physical_channel_names();
  const auto shards = static_cast<size_t>(virtuals.size());
  layout.vchannels.resize(shards);
  layout.pchannels.resize(shards);
  for (int i = 0; i < virtuals.size(); ++i) {
    const Result<size_t> shard = ShardIndex(virtuals[i]);
    if (!shard.ok() || *shard >= shards || physicals.size() != virtuals.size() ||
        !layout.vchannels[*shard].empty()) {
      return InternalError("the target does not have one channel per shard: " + virtuals[i]);
    }
    layout.vchannels[*shard] = virtuals[i];
    layout.pchannels[*shard] = physicals[i];
  }
  ReadFields(collection, &layout);
  const int count = std::min(partitions.partition_names_size(), partitions.partitionids_size());
  for (int i = 0; i < count; ++i) {
    const PartitionId id{partitions.partitionids(i)};
    layout.partitions[partitions.partition_names(i)] = id;
    if (!layout.has_partition_key && (i == 0 || id < layout.default_partition)) {
      layout.default_partition = id;  // ids only grow, so the oldest is the smallest
    }
  }
  return layout;
}

void StandbyLayouts::Find(const CollectionName& name, Done done) {
  StandbyLayoutPtr known;
  bool ask = false;
  {
    MutexLock lock(mutex_);
    Entry& entry = entries_[name];
    const auto age = options_.clock->Now() - entry.read_at;
    if (entry.layout != nullptr && age < options_.keep) {
      known = entry.layout;
    } else {
      entry.waiting.push_back(std::move(done));
      ask = !std::exchange(entry.asking, true);
    }
  }
  if (known != nullptr) {
    done(known);
  } else if (ask) {
    Ask(name);
  }
}

void StandbyLayouts::Forget(const CollectionName& name) {
  MutexLock lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    return;
  }
  if (found->second.asking) {
    found->second.layout = nullptr;
    found->second.outdated = true;
  } else {
    entries_.erase(found);
  }
}

void StandbyLayouts::Ask(const CollectionName& name) {
  channel_->Start("DescribeCollection", name.database,
                  BytesFor<pb::DescribeCollectionRequest>(name), options_.timeout,
                  [this, name](const CallResult& result, grpc::ByteBuffer* bytes) {
                    auto collection = std::make_shared<pb::DescribeCollectionResponse>();
                    Status status = Read(result, bytes, collection.get());
                    // A message must carry the collection's own name, so an alias is no use.
                    const std::string& own_name = collection->schema().name();
                    if (status.ok() && !own_name.empty() && own_name != name.collection) {
                      status = NotFoundError("the name is an alias");
                    }
                    if (status.ok()) {
                      AskPartitions(name, collection);
                    } else {
                      Answer(name, status.WithContext("collection " + name.ToString()));
                    }
                  });
}

void StandbyLayouts::AskPartitions(
    const CollectionName& name, const std::shared_ptr<pb::DescribeCollectionResponse>& collection) {
  channel_->Start("ShowPartitions", name.database, BytesFor<pb::ShowPartitionsRequest>(name),
                  options_.timeout,
                  [this, name, collection](const CallResult& result, grpc::ByteBuffer* bytes) {
                    pb::ShowPartitionsResponse partitions;
                    if (const Status status = Read(result, bytes, &partitions); !status.ok()) {
                      Answer(name, status.WithContext("partitions of " + name.ToString()));
                      return;
                    }
                    Result<StandbyLayout> layout = MakeStandbyLayout(*collection, partitions);
                    if (!layout.ok()) {
                      Answer(name, layout.status());
                      return;
                    }
                    Answer(name, std::make_shared<const StandbyLayout>(*std::move(layout)));
                  });
}

void StandbyLayouts::Answer(const CollectionName& name, const Result<StandbyLayoutPtr>& layout) {
  std::vector<Done> waiting;
  bool again = false;
  {
    MutexLock lock(mutex_);
    Entry& entry = entries_[name];
    // A failure is final even if the layout was forgotten meanwhile: a cancelled call must not
    // start another one, or a stop would never end.
    again = std::exchange(entry.outdated, false) && layout.ok();
    if (!again) {
      waiting = std::exchange(entry.waiting, {});
      if (layout.ok()) {
        entry.layout = *layout;
        entry.read_at = options_.clock->Now();
        entry.asking = false;
      } else {
        entries_.erase(name);
      }
    }
  }
  if (again) {
    Ask(name);
    return;
  }
  if (layout.ok() && options_.on_layout) {
    options_.on_layout(**layout);
  }
  for (const Done& done : waiting) {
    done(layout);
  }
}

}  // namespace cdc
