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

// Random numbers that are the same everywhere, and cheap to begin with.
class SimulatedChance {
 public:
  // Neighbouring seeds must not give the same row one step later: hence the scrambled beginning.
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

// Rows of one collection by key; a key with several rows is what must never be. A row is known by
// its record.
using SimulatedRows = std::map<uint64_t, std::vector<const Message*>>;

// A source with a queue in memory that changes at random: a few channels, collections that share
// them, inserts, deletes and upserts of a few keys, ticks; collections that are created and dropped
// on the way. Knows what a copy has to hold.
class SimulatedSource {
 public:
  enum class Kind {
    kNoRows,
    kPlain,     // rows that are written as what they are
    kReplaces,  // the insert of an upsert
    kReplaced,  // the delete of an upsert: needs no call
  };
  struct Record {
    MessagePtr message;
    Kind kind = Kind::kNoRows;
    bool applied = false;  // for the one who looks after that
  };

  explicit SimulatedSource(SimulatedChance* chance);

  // One thing happens.
  void Step();
  // A last tick in every channel, above everything. Returns its time.
  Timestamp Finish();

  const std::vector<std::string>& channels() const { return channels_; }
  std::vector<Record>& log(const std::string& channel) { return logs_[channel]; }
  const std::shared_ptr<const Catalog>& catalog() const { return catalog_; }
  // All that ever were, also those that are dropped.
  const std::vector<std::shared_ptr<const Collection>>& collections() const { return collections_; }
  // What a target has to hold in the end, of the collections that are there.
  const std::map<CollectionId, SimulatedRows>& rows() const { return rows_; }
  Record* Find(const Message& message);
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
  std::map<std::string, std::vector<Record>> logs_;
  std::vector<std::shared_ptr<const Collection>> collections_;  // never removed: messages view them
  std::vector<std::shared_ptr<const Collection>> living_;
  std::shared_ptr<const Catalog> catalog_;
  std::map<CollectionId, SimulatedRows> rows_;
  std::map<std::pair<CollectionId, uint64_t>, Timestamp> changed_;  // by key
};

// Gives the records of a SimulatedSource to one subscriber, one at a time, in the order of ticks.
class SimulatedFeed final : public FeedSource {
 public:
  explicit SimulatedFeed(SimulatedSource* source) : source_(source) {}

  // Tells of a catalog that is new.
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
  struct Cursor {
    explicit Cursor(const FeedStart& start) : after(start.resolved), order(start.resolved) {}
    size_t next = 0;
    Timestamp after;
    TickOrder order;
  };

  SimulatedSource* const source_;
  FeedSubscriber* subscriber_ = nullptr;
  std::shared_ptr<const Catalog> told_;
  std::map<std::string, std::unique_ptr<Cursor>> cursors_;
};

}  // namespace cdc
