#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "feed/feed_source.h"
#include "feed/tick_order.h"
#include "model/catalog.h"
#include "model/message.h"

namespace cdc {

// Random numbers that are the same on every platform and cheap to seed.
class SimulatedChance {
 public:
  // The seed is scrambled: otherwise the next seed would give the same sequence, one step later.
  explicit SimulatedChance(uint64_t seed) : state_(Scramble(seed ^ 0x5851F42D4C957F2DU)) {}

  uint64_t Next() { return Scramble(state_ += 0x9E3779B97F4A7C15U); }
  // 0 … count - 1
  size_t Below(size_t count) { return Next() % count; }
  bool OneIn(size_t count) { return Below(count) == 0; }

 private:
  static uint64_t Scramble(uint64_t z) {
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }

  uint64_t state_;
};

// Rows of one collection by key. A key must never have several rows. A row is identified by its
// message.
using SimulatedRows = std::map<uint64_t, std::vector<const Message*>>;

// A source with a queue in memory that changes at random: a few channels that are shared by
// collections, inserts, deletes and upserts of a few keys, ticks, and collections that are created
// and dropped meanwhile. Knows what a copy must hold.
class SimulatedSource {
 public:
  enum class Kind {
    kNoRows,
    kPlain,     // an insert or a delete that is no part of an upsert
    kReplaces,  // the insert of an upsert
    kReplaced,  // the delete of an upsert: needs no call
  };
  struct LogEntry {
    MessagePtr message;
    Kind kind = Kind::kNoRows;
    bool applied = false;  // set by the user of this class
  };

  explicit SimulatedSource(SimulatedChance* chance);

  // Makes one random change.
  void Step();
  // Writes a last tick to every channel, above everything. Returns its time.
  Timestamp Finish();

  const std::vector<std::string>& channels() const { return channels_; }
  std::vector<LogEntry>& log(const std::string& channel) { return logs_[channel]; }
  const std::shared_ptr<const Catalog>& catalog() const { return catalog_; }
  // All collections that ever existed, including dropped ones.
  const std::vector<std::shared_ptr<const Collection>>& collections() const { return collections_; }
  // What a target must hold in the end, for the collections that exist.
  const std::map<CollectionId, SimulatedRows>& rows() const { return rows_; }
  LogEntry* Find(const Message& message);
  // The channel of a message with rows.
  const std::string& ChannelOf(const Message& message) const;
  int64_t now_ms() const { return now_ms_; }
  void Pass(int64_t ms) { now_ms_ += ms; }

 private:
  void Create();
  void Drop();
  void Change();
  void Tick(const std::string& channel);
  void Publish();
  std::shared_ptr<Message> NewMessage(MessageType type, const std::string& channel, Timestamp ts);
  void Append(const std::string& channel, std::shared_ptr<Message> message, Kind kind);
  void AppendRows(MessageType type,
                  const Collection& collection,
                  size_t shard,
                  Timestamp ts,
                  const std::vector<uint64_t>& keys,
                  Kind kind);

  SimulatedChance* const chance_;
  int64_t now_ms_ = 1'000'000;
  uint64_t logical_ = 0;
  int64_t next_collection_ = 1;
  std::vector<std::string> channels_;
  std::map<std::string, std::vector<LogEntry>> logs_;
  std::vector<std::shared_ptr<const Collection>> collections_;  // messages view them: none removed
  std::vector<std::shared_ptr<const Collection>> living_;
  std::shared_ptr<const Catalog> catalog_;
  std::map<CollectionId, SimulatedRows> rows_;
  std::map<std::pair<CollectionId, uint64_t>, Timestamp> changed_;  // by key
};

// Delivers the records of a SimulatedSource to one subscriber, one at a time, in tick order.
class SimulatedFeed final : public FeedSource {
 public:
  explicit SimulatedFeed(SimulatedSource* source) : source_(source) {}

  // Delivers the catalog if it has changed.
  void StepCatalog();
  // Reads the next record of a channel; false if there is none.
  bool StepChannel(const std::string& channel);

  void Attach(FeedSubscriber* subscriber) override { subscriber_ = subscriber; }
  void Detach(FeedSubscriber* subscriber) override;
  void Follow(FeedSubscriber* subscriber,
              const std::string& channel,
              bool ticked,
              FeedStart start) override;
  void Unfollow(FeedSubscriber* subscriber, const std::string& channel) override;

 private:
  struct ChannelReader {
    explicit ChannelReader(const FeedStart& start) : after(start.resolved), order(start.resolved) {}
    size_t next = 0;
    Timestamp after;
    TickOrder order;
  };

  SimulatedSource* const source_;
  FeedSubscriber* subscriber_ = nullptr;
  std::shared_ptr<const Catalog> published_;
  std::map<std::string, std::unique_ptr<ChannelReader>> readers_;
};

}  // namespace cdc
