#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "rows/make_rows.h"
#include "rows/row_router.h"
#include "rows/show_message.h"

// How the router turns what a tick released into rows for the writer.
namespace cdc {
namespace {

// Roughly what a record costs in memory in addition to its bytes. Without it, the limit on waiting
// bytes would not bound many small records.
constexpr size_t kRecordOverhead = 512;

// Whether the source has the partition, or is dropping it. Rows of any other partition are of no
// use: the feed's catalog is current enough to know it, so it is gone. With a partition key,
// Milvus chooses the partition, on the target too. `gone`: partitions whose rows are wanted.
bool HasPartition(const Collection& collection,
                  const std::set<PartitionId>& gone,
                  PartitionId partition) {
  return partition == kAllPartitions || collection.schema.HasPartitionKey() ||
         collection.FindPartition(partition) != nullptr || gone.contains(partition);
}

// Ends with the condition of the cure.
std::string WhyBroken(const Message& message) {
  return message.type == MessageType::kTruncateCollection
             ? ": it was emptied on the source (TruncateCollection), and the queue does not say of "
               "which rows; when it is flushed"
             : ": files are imported on the source, and their rows are not in its queue; when the "
               "import has completed and is flushed";
}

}  // namespace

bool RowRouter::IsWanted(const std::string& channel,
                         const Route& route,
                         Timestamp applied,
                         const Message& message) const {
  return IsNew(channel, route, message.vchannel, applied, message) &&
         HasPartition(*route.collection, route.gone_partitions, message.partition);
}

// Whether neither the checkpoint nor a copy includes the message.
bool RowRouter::IsNew(const std::string& channel,
                      const Route& route,
                      std::string_view vchannel,
                      Timestamp applied,
                      const Message& message) const {
  const CollectionId id = route.collection->id;
  if (message.ts <= applied || message.ts <= start_.CopiedUntil(id, std::string(vchannel))) {
    return false;
  }
  const MsgId* skip = start_.SkipUntil(id, channel);
  return skip == nullptr || skip->empty() || parts_.log->Compare(message.id, *skip) > 0;
}

// The collection cannot follow the queue any further. A copy that begins after the message includes
// what it did.
Status RowRouter::RouteBreaks(const std::string& name,
                              const Channel& channel,
                              const FeedGroup& group) {
  for (const MessagePtr& message : group.breaks) {
    const auto route = routes_.find(message->collection);
    if (route == routes_.end() || start_.IsAside(message->collection)) {
      continue;
    }
    bool behind = false;
    const auto* applied = channel.AppliedOf(message->collection, &behind);
    const Collection& collection = *route->second.collection;
    const Timestamp applied_until = applied == nullptr ? Timestamp{} : applied->ts;
    bool is_new = false;
    for (size_t shard = 0; shard < collection.pchannels.size(); ++shard) {
      is_new = is_new ||
               (collection.pchannels[shard] == name &&
                IsNew(name, route->second, collection.vchannels[shard], applied_until, *message));
    }
    if (is_new) {
      failed_collection_ = message->collection;
      const std::string collection_name = route->second.name.ToString();
      return WithPlace(
          FailedPreconditionError("collection " + collection_name + WhyBroken(*message) +
                                  ", `milvus-cdc task snapshot --collection " + collection_name +
                                  "` copies what the source has stored"),
          name, message->id);
    }
  }
  return OkStatus();
}

Status RowRouter::RouteRows(const std::string& name,
                            const Channel& channel,
                            const Route& route,
                            const std::vector<MessagePtr>& messages,
                            std::map<std::string, Shard>* shards) {
  bool behind = false;
  const ChannelCheckpoint::AppliedUntil none;
  const auto* replay = channel.AppliedOf(route.collection->id, &behind);
  const ChannelCheckpoint::AppliedUntil& applied = replay == nullptr ? none : *replay;
  const Timestamp sent = std::max(channel.doubt, applied.horizon);
  std::map<std::string_view, std::vector<MessagePtr>> by_shard;
  for (const MessagePtr& message : messages) {
    if (!IsWanted(name, route, applied.ts, *message)) {
      continue;
    }
    by_shard[message->vchannel].push_back(message);
    if (options_.message_log->Take()) {
      log_lines_.push_back("message of collection=" + route.name.ToString() +
                           " channel=" + std::string(message->vchannel) + " ts=" +
                           std::to_string(message->ts.value) + " " + ShowMessage(*message));
    }
  }
  for (const auto& [vchannel, of_shard] : by_shard) {
    const Timestamp doubt = std::max(sent, start_.CopyDoubt(route.collection->id, vchannel));
    Shard& shard = (*shards)[std::string(vchannel)];
    shard.collection = route.collection->id;
    for (RowEvent& event : PairUpserts(of_shard, route.key.id)) {
      // Only after pairing: it needs all messages of one time to recognize upserts. A collection
      // for which the channel is read again was left, or copied, after such records were applied.
      if (channel.applied.contains(event.message->id.bytes) &&
          !(behind && event.message->ts <= applied.horizon)) {
        continue;
      }
      const MsgId id = event.message->id;
      std::vector<MessagePtr> also = event.also;
      Result<PendingRows> made = MakeRows(event.op, std::move(event.message), route.key);
      if (!made.ok()) {
        failed_collection_ = route.collection->id;
        CDC_RETURN_IF_ERROR(undecodable_.Handle(
            WithPlace(made.status().WithContext("collection " + route.name.ToString()), name, id)));
        failed_collection_.reset();
        continue;
      }
      made->UpsertUntil(doubt);
      made->also = std::move(also);
      shard.rows.push_back(*std::move(made));
    }
  }
  return OkStatus();
}

Status RowRouter::RouteGroup(const std::string& name, Channel& channel, const FeedGroup& group) {
  CDC_RETURN_IF_ERROR(RouteBreaks(name, channel, group));
  std::map<std::string, Shard> shards;  // by vchannel
  for (const FeedGroup::Rows& rows : group.rows) {
    const auto route = routes_.find(rows.collection);
    if (route != routes_.end() && !start_.IsAside(rows.collection)) {
      CDC_RETURN_IF_ERROR(RouteRows(name, channel, route->second, rows.messages, &shards));
    }
  }
  // The tracker must know the group before the writer gets the first row, because the writer may
  // acknowledge it at once. So the tickets are numbered first, and the rows pushed last.
  std::vector<AckTracker::TrackedRecord> records;
  for (auto& [vchannel, shard] : shards) {
    for (PendingRows& rows : shard.rows) {
      const auto add = [&](const Message& message) {
        rows.tickets.push_back({.group = 0, .index = static_cast<uint32_t>(records.size())});
        records.push_back({.id = message.id,
                           .bytes = message.payload.bytes.size() + kRecordOverhead,
                           .rows = message.rows,
                           .collection = shard.collection});
      };
      add(*rows.message);
      for (const MessagePtr& message : rows.also) {
        add(*message);
      }
    }
  }
  const uint64_t number =
      channel.tracker->AddGroup(group.resolved, group.restart, std::move(records));
  for (auto& [vchannel, shard] : shards) {
    for (PendingRows& rows : shard.rows) {
      for (AckTracker::Ticket& ticket : rows.tickets) {
        ticket.group = number;
      }
    }
    parts_.consumer->Push(shard.collection, vchannel, channel.tracker, std::move(shard.rows));
  }
  return OkStatus();
}

}  // namespace cdc
