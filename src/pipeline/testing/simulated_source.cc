#include "pipeline/testing/simulated_source.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "feed/feed_group.h"
#include "source/testing/fake_source.h"

namespace cdc {
namespace {

constexpr size_t kMaxChannels = 3;
constexpr size_t kMaxCollections = 3;
constexpr size_t kKeys = 5;  // per shard: few, so that they collide
constexpr FieldId kKeyField{100};

// The body of a schema.LongArray with keys below 128.
std::string KeyBody(const std::vector<uint64_t>& keys) {
  std::string body = "\x0a";
  body += static_cast<char>(keys.size());
  for (const uint64_t key : keys) {
    body += static_cast<char>(key);
  }
  return body;
}

}  // namespace

// ---- The source ------------------------------------------------------------------------------

SimulatedSource::SimulatedSource(SimulatedChance* chance) : chance_(chance) {
  const size_t channels = 1 + chance_->Below(kMaxChannels);
  for (size_t i = 0; i < channels; ++i) {
    channels_.push_back("dml_" + std::to_string(i));
    logs_[channels_.back()].reserve(64);
  }
  Create();
  if (chance_->OneIn(2)) {
    Create();
  }
}

void SimulatedSource::Step() {
  now_ms_ += 1 + static_cast<int64_t>(chance_->Below(60));
  const size_t what = chance_->Below(100);
  if (what < 32) {
    Tick(channels_[chance_->Below(channels_.size())]);
  } else if (what < 34 && collections_.size() < kMaxCollections) {
    Create();
  } else if (what < 35 && living_.size() > 1) {
    Drop();
  } else {
    Change();
  }
}

Timestamp SimulatedSource::Finish() {
  now_ms_ += 1'000;
  for (const std::string& channel : channels_) {
    Tick(channel);
  }
  return Timestamp::FromUnixMs(now_ms_);
}

void SimulatedSource::Create() {
  Collection collection;
  collection.id = {next_collection_++};
  collection.database = kDefaultDatabaseId;
  collection.name = "c" + std::to_string(collection.id.value);
  collection.schema.fields = {
      {.id = kKeyField, .name = "id", .type = DataType::kInt64, .is_primary_key = true}};
  collection.created = Timestamp::FromUnixMs(now_ms_);
  collection.partitions = {{.id = {10}, .name = "_default"}};
  const size_t first = chance_->Below(channels_.size());
  const size_t shards = 1 + chance_->Below(channels_.size());
  for (size_t i = 0; i < shards; ++i) {
    const std::string& channel = channels_[(first + i) % channels_.size()];
    collection.pchannels.push_back(channel);
    collection.vchannels.push_back(channel + "_" + std::to_string(collection.id.value) + "v" +
                                   std::to_string(i));
    Append(channel, NewMessage(MessageType::kCreateCollection, channel, collection.created),
           Kind::kNoRows);
    collection.start_positions[channel] = logs_[channel].back().message->id;
  }
  rows_[collection.id];
  living_.push_back(std::make_shared<const Collection>(std::move(collection)));
  collections_.push_back(living_.back());
  Publish();
}

void SimulatedSource::Drop() {
  const auto dropped =
      living_.begin() + static_cast<std::ptrdiff_t>(chance_->Below(living_.size()));
  for (const std::string& channel : (*dropped)->pchannels) {
    Append(channel,
           NewMessage(MessageType::kDropCollection, channel, Timestamp::FromUnixMs(now_ms_)),
           Kind::kNoRows);
  }
  rows_.erase((*dropped)->id);
  living_.erase(dropped);
  Publish();
}

void SimulatedSource::Publish() {
  auto catalog = std::make_shared<Catalog>();
  for (const auto& collection : living_) {
    catalog->collections[collection->id] = collection;
  }
  catalog->IndexNames();
  catalog_ = std::move(catalog);
}

void SimulatedSource::Tick(const std::string& channel) {
  Append(channel, NewMessage(MessageType::kTick, channel, Timestamp::FromUnixMs(now_ms_)),
         Kind::kNoRows);
}

// Makes one request of a user, with rows of one shard.
void SimulatedSource::Change() {
  const Collection& collection = *living_[chance_->Below(living_.size())];
  const size_t shard = chance_->Below(collection.vchannels.size());
  SimulatedRows& rows = rows_[collection.id];
  std::vector<uint64_t> keys;
  const size_t count = 1 + chance_->Below(3);
  while (keys.size() < count) {
    const uint64_t key = 1 + shard * kKeys + chance_->Below(kKeys);
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      keys.push_back(key);
    }
  }
  // Some messages come before a tick that does not release them yet.
  const int64_t ahead = chance_->OneIn(4) ? static_cast<int64_t>(chance_->Below(80)) : 0;
  Timestamp ts = Timestamp::FromUnixMs(now_ms_ + ahead, 1 + logical_++ % 1000);
  for (const uint64_t key : keys) {
    Timestamp& changed = changed_[{collection.id, key}];
    ts = std::max(ts, Timestamp{changed.value + 1});
  }
  std::vector<uint64_t> absent;
  for (const uint64_t key : keys) {
    changed_[{collection.id, key}] = ts;
    if (!rows.contains(key)) {
      absent.push_back(key);
    }
  }
  std::vector<LogEntry>& log = logs_[collection.pchannels[shard]];
  const size_t what = chance_->Below(8);
  if (what == 0 || (what < 4 && absent.empty())) {
    AppendRows(MessageType::kDelete, collection, shard, ts, keys, Kind::kPlain);
    for (const uint64_t key : keys) {
      rows.erase(key);
    }
    return;
  }
  const bool upsert = what > 5 || absent.empty();
  if (upsert && absent.size() < keys.size() && !absent.empty() && chance_->OneIn(2)) {
    // Deletes the existing keys and inserts more: in the log, this is not an upsert.
    std::vector<uint64_t> present;
    std::copy_if(keys.begin(), keys.end(), std::back_inserter(present),
                 [&rows](uint64_t key) { return rows.contains(key); });
    AppendRows(MessageType::kDelete, collection, shard, ts, present, Kind::kPlain);
    AppendRows(MessageType::kInsert, collection, shard, ts, keys, Kind::kPlain);
  } else if (upsert) {
    const bool delete_first = chance_->OneIn(2);
    if (delete_first) {
      AppendRows(MessageType::kDelete, collection, shard, ts, keys, Kind::kReplaced);
    }
    AppendRows(MessageType::kInsert, collection, shard, ts, keys, Kind::kReplaces);
    if (!delete_first) {
      const Message* inserted = log.back().message.get();
      AppendRows(MessageType::kDelete, collection, shard, ts, keys, Kind::kReplaced);
      for (const uint64_t key : keys) {
        rows[key] = {inserted};
      }
      return;
    }
  } else {
    keys = absent;
    AppendRows(MessageType::kInsert, collection, shard, ts, keys, Kind::kPlain);
  }
  for (const uint64_t key : keys) {
    rows[key] = {log.back().message.get()};
  }
}

std::shared_ptr<Message> SimulatedSource::NewMessage(MessageType type,
                                                     const std::string& channel,
                                                     Timestamp ts) {
  auto message = std::make_shared<Message>();
  message->type = type;
  message->id = FakeLog::IdOf(static_cast<int64_t>(logs_[channel].size()) + 1);
  message->ts = ts;
  return message;
}

void SimulatedSource::Append(const std::string& channel,
                             std::shared_ptr<Message> message,
                             Kind kind) {
  logs_[channel].push_back({.message = std::move(message), .kind = kind});
}

void SimulatedSource::AppendRows(MessageType type,
                                 const Collection& collection,
                                 size_t shard,
                                 Timestamp ts,
                                 const std::vector<uint64_t>& keys,
                                 Kind kind) {
  const std::string& channel = collection.pchannels[shard];
  auto message = NewMessage(type, channel, ts);
  message->message_id = static_cast<int64_t>(logs_[channel].size()) + 1;
  message->collection = collection.id;
  message->partition = type == MessageType::kDelete ? kAllPartitions : PartitionId{10};
  message->vchannel = collection.vchannels[shard];
  message->rows = static_cast<uint32_t>(keys.size());
  message->payload = Payload::Own(KeyBody(keys));
  if (type == MessageType::kDelete) {
    message->keys = {.is_string = false, .body = message->payload.bytes};
  } else {
    Column column;
    column.field = kKeyField;
    column.type = DataType::kInt64;
    column.kind = ColumnKind::kScalarArray;
    column.body = message->payload.bytes;
    message->columns.push_back(column);
  }
  Append(channel, std::move(message), kind);
}

const std::string& SimulatedSource::ChannelOf(const Message& message) const {
  const auto found =
      std::find_if(channels_.begin(), channels_.end(), [&message](const std::string& channel) {
        return message.vchannel.starts_with(channel + "_");
      });
  CDC_CHECK(found != channels_.end());
  return *found;
}

SimulatedSource::LogEntry* SimulatedSource::Find(const Message& message) {
  return &logs_[ChannelOf(message)].at(static_cast<size_t>(FakeLog::NumberOf(message.id)) - 1);
}

// ---- The feed --------------------------------------------------------------------------------

void SimulatedFeed::Detach(FeedSubscriber* /*subscriber*/) {
  subscriber_ = nullptr;
  published_ = nullptr;
  readers_.clear();
}

void SimulatedFeed::Follow(FeedSubscriber* /*subscriber*/,
                           const std::string& channel,
                           bool /*ticked*/,
                           FeedStart start) {
  auto reader = std::make_unique<ChannelReader>(start);
  if (start.position.has_value()) {
    reader->next = static_cast<size_t>(FakeLog::NumberOf(start.position->id)) -
                   (start.position->inclusive ? 1 : 0);
  }
  readers_[channel] = std::move(reader);
}

void SimulatedFeed::Unfollow(FeedSubscriber* /*subscriber*/, const std::string& channel) {
  readers_.erase(channel);
}

void SimulatedFeed::StepCatalog() {
  if (subscriber_ != nullptr && published_ != source_->catalog()) {
    published_ = source_->catalog();
    subscriber_->OnCatalog(published_);
  }
}

bool SimulatedFeed::StepChannel(const std::string& channel) {
  const auto found = readers_.find(channel);
  const std::vector<SimulatedSource::LogEntry>& log = source_->log(channel);
  if (found == readers_.end() || found->second->next >= log.size()) {
    return false;
  }
  ChannelReader& reader = *found->second;
  const MessagePtr& message = log[reader.next++].message;
  const std::optional<TickGroup> group = reader.order.Push(message);
  if (group.has_value()) {
    // The barrier: no rows of a collection are delivered before the catalog that has it.
    if (std::any_of(group->messages.begin(), group->messages.end(), [this](const auto& each) {
          return HasRows(*each) && published_->Find(each->collection) == nullptr;
        })) {
      StepCatalog();
    }
    subscriber_->OnGroup(channel, ArrangeGroup(*group, reader.after, 0));
  }
  subscriber_->OnRead(channel, message->id, reader.order.held_bytes());
  return true;
}

}  // namespace cdc
