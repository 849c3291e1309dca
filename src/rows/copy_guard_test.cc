#include "rows/copy_guard.h"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decode/decode.h"
#include "decode/testing/vectors.h"
#include "encode/keep_rows.h"
#include "progress/ack_tracker.h"
#include "rows/lane.h"
#include "rows/make_rows.h"
#include "rows/testing/fake_row_consumer.h"
#include "wire/wire_writer.h"

namespace cdc::copy_guard {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr CollectionId kCollection{7};
constexpr PartitionId kPartition{70};
constexpr PartitionId kOther{71};
constexpr char kVchannel[] = "dml_0_7v0";
constexpr KeyField kKey{.id = {100}, .is_string = false};
constexpr KeyField kTextKey{.id = {100}, .is_string = true};

std::string Numbers(const std::vector<int64_t>& keys) {
  std::string packed;
  for (const int64_t key : keys) {
    wire::AppendVarint(static_cast<uint64_t>(key), &packed);
  }
  std::string body;
  wire::AppendBytesField(1, packed, &body);
  return body;
}

std::string Texts(const std::vector<std::string>& keys) {
  std::string body;
  for (const std::string& key : keys) {
    wire::AppendBytesField(1, key, &body);
  }
  return body;
}

MessagePtr MessageOf(MessageType type,
                     uint64_t ts,
                     size_t rows,
                     std::string body,
                     bool texts,
                     PartitionId partition) {
  auto message = std::make_shared<Message>();
  message->type = type;
  message->id = {std::to_string(ts)};
  message->ts = {ts};
  message->collection = kCollection;
  message->partition = partition;
  message->partition_name = "p";
  message->vchannel = kVchannel;
  message->rows = static_cast<uint32_t>(rows);
  message->payload = Payload::Own(std::move(body));
  if (type == MessageType::kDelete) {
    message->keys = {.is_string = texts, .body = message->payload.bytes};
  } else {
    message->columns.push_back({.field = {100},
                                .name = "id",
                                .type = texts ? DataType::kVarChar : DataType::kInt64,
                                .kind = ColumnKind::kScalarArray,
                                .oneof_field = texts ? 6 : 3,
                                .body = message->payload.bytes,
                                .valid_data = {}});
  }
  return message;
}

MessagePtr Insert(uint64_t ts,
                  const std::vector<int64_t>& keys,
                  PartitionId partition = kPartition) {
  return MessageOf(MessageType::kInsert, ts, keys.size(), Numbers(keys), false, partition);
}
MessagePtr Delete(uint64_t ts,
                  const std::vector<int64_t>& keys,
                  PartitionId partition = kPartition) {
  return MessageOf(MessageType::kDelete, ts, keys.size(), Numbers(keys), false, partition);
}

PendingRows Rows(RowOp op, MessagePtr message, const KeyField& key = kKey) {
  Result<PendingRows> rows = MakeRows(op, std::move(message), key);
  EXPECT_TRUE(rows.ok()) << rows.status().ToString();
  return *std::move(rows);
}

std::vector<PendingRows> One(PendingRows rows) {
  std::vector<PendingRows> list;
  list.push_back(std::move(rows));
  return list;
}

// ---- What is left out ------------------------------------------------------------------------

class CopyGuardTest : public ::testing::Test {
 protected:
  void PushLog(PendingRows rows) {
    guard_.log()->Push(kCollection, kVchannel, log_, One(std::move(rows)));
  }
  // The keys of what goes on.
  std::vector<uint64_t> PushCopied(MessagePtr message, const KeyField& key = kKey) {
    const size_t before = next_.pushed().size();
    PendingRows rows = Rows(RowOp::kInsert, std::move(message), key);
    rows.copied = true;
    const size_t count = rows.keys.size();
    const uint64_t group = copies_->AddGroup({++copied_}, {}, {{.id = {}, .rows = count}});
    rows.tickets = {{.group = group, .index = 0}};
    guard_.copied()->Push(kCollection, kVchannel, copies_, One(std::move(rows)));
    return next_.pushed().size() > before ? next_.pushed().back().rows.keys
                                          : std::vector<uint64_t>();
  }
  bool AllCopiesAcknowledged() const { return copies_->checkpoint().value == copied_; }

  const std::shared_ptr<AckTracker> log_ =
      std::make_shared<AckTracker>("dml_0", MsgId{}, Timestamp{});
  const std::shared_ptr<AckTracker> copies_ =
      std::make_shared<AckTracker>("snapshot", MsgId{}, Timestamp{});
  uint64_t copied_ = 0;
  FakeRowConsumer next_;
  std::vector<std::string> failures_;
  CopyGuard guard_{&next_, 1000, [this](CollectionId, const Status& status) {
                     failures_.push_back(status.ToString());
                   }};
};

TEST_F(CopyGuardTest, LeavesOutTheRowsThatTheLogHas) {
  ASSERT_TRUE(guard_.Begin(kCollection, {}).ok());
  PushLog(Rows(RowOp::kUpsert, Insert(5, {2})));
  PushLog(Rows(RowOp::kDelete, Delete(6, {4})));
  EXPECT_THAT(PushCopied(Insert(1, {1, 2, 3, 4, 5})), ElementsAre(1, 3, 5));
  const PendingRows& kept = next_.pushed().back().rows;
  EXPECT_EQ(kept.message->rows, 3U);
  EXPECT_EQ(kept.message->partition, kPartition);
  EXPECT_EQ(kept.message->partition_name, "p");
  EXPECT_EQ(kept.message->ts, Timestamp{1});
  EXPECT_TRUE(kept.copied);
  EXPECT_THAT(kept.tickets, SizeIs(1));
}

TEST_F(CopyGuardTest, AcknowledgesARecordOfWhichNothingIsLeft) {
  ASSERT_TRUE(guard_.Begin(kCollection, {}).ok());
  PushLog(Rows(RowOp::kDelete, Delete(6, {4, 5})));
  EXPECT_THAT(PushCopied(Insert(1, {4, 5})), IsEmpty());
  EXPECT_TRUE(AllCopiesAcknowledged());
  EXPECT_THAT(PushCopied(Insert(1, {4, 6})), ElementsAre(6));
  EXPECT_FALSE(AllCopiesAcknowledged());
}

TEST_F(CopyGuardTest, KeepsPartitionsApart) {
  ASSERT_TRUE(guard_.Begin(kCollection, {}).ok());
  PushLog(Rows(RowOp::kInsert, Insert(5, {1}, kOther)));
  PushLog(Rows(RowOp::kDelete, Delete(6, {2}, kAllPartitions)));
  EXPECT_THAT(PushCopied(Insert(1, {1, 2, 3})), ElementsAre(1, 3));
  EXPECT_THAT(PushCopied(Insert(1, {1, 2, 3}, kOther)), ElementsAre(3));
}

// With a partition key, the row may have been in another partition.
TEST_F(CopyGuardTest, RemembersTheDeleteHalfOfAnUpsert) {
  ASSERT_TRUE(guard_.Begin(kCollection, {}).ok());
  PendingRows upsert = Rows(RowOp::kUpsert, Insert(5, {1}, kOther));
  upsert.also.push_back(Delete(5, {1}, kAllPartitions));
  PushLog(std::move(upsert));
  EXPECT_THAT(PushCopied(Insert(1, {1, 2})), ElementsAre(2));
}

TEST_F(CopyGuardTest, ComparesTextsCompletely) {
  ASSERT_TRUE(guard_.Begin(kCollection, {}).ok());
  const auto message = [](MessageType type, const std::vector<std::string>& keys) {
    return MessageOf(type, 5, keys.size(), Texts(keys), true, kPartition);
  };
  PushLog(Rows(RowOp::kDelete, message(MessageType::kDelete, {"b", ""}), kTextKey));
  const auto kept = PushCopied(message(MessageType::kInsert, {"a", "b", "", "bb"}), kTextKey);
  EXPECT_THAT(kept, SizeIs(2));
  std::vector<std::string_view> texts;
  ASSERT_TRUE(AppendStringKeys(next_.pushed().back().rows.key_column, &texts));
  EXPECT_THAT(texts, ElementsAre("a", "bb"));
}

TEST_F(CopyGuardTest, LetsPassWhatIsNotGuarded) {
  PushLog(Rows(RowOp::kUpsert, Insert(5, {2})));
  EXPECT_THAT(PushCopied(Insert(1, {1, 2})), ElementsAre(1, 2));
  ASSERT_TRUE(guard_.Begin(kCollection, {}).ok());
  PushLog(Rows(RowOp::kUpsert, Insert(5, {2})));
  guard_.End(kCollection);
  EXPECT_THAT(PushCopied(Insert(1, {1, 2})), ElementsAre(1, 2));
  EXPECT_THAT(guard_.Unsaved(), IsEmpty());
}

TEST_F(CopyGuardTest, KnowsAfterARestartWhatWasSaved) {
  ASSERT_TRUE(guard_.Begin(kCollection, {}).ok());
  std::vector<std::string> saved;
  PushLog(Rows(RowOp::kDelete, Delete(5, {1, -9}, kAllPartitions)));
  guard_.Unsaved();  // the save fails
  PushLog(Rows(RowOp::kUpsert, Insert(6, {2})));
  saved.push_back(guard_.Unsaved().at(kCollection));
  guard_.OnSaved();
  EXPECT_THAT(guard_.Unsaved(), IsEmpty());
  PushLog(Rows(RowOp::kUpsert, Insert(7, {2, 3})));
  saved.push_back(guard_.Unsaved().at(kCollection));
  EXPECT_LT(saved[1].size(), saved[0].size()) << "each key is saved once";
  CopyGuard next(&next_, 1000, [](CollectionId, const Status&) {});
  ASSERT_TRUE(next.Begin(kCollection, saved).ok());
  EXPECT_THAT(next.Unsaved(), IsEmpty()) << "they are saved";
  PendingRows rows = Rows(RowOp::kInsert, Insert(1, {1, 2, 3, 4, -9}));
  next.copied()->Push(kCollection, kVchannel, copies_, One(std::move(rows)));
  EXPECT_THAT(next_.pushed().back().rows.keys, ElementsAre(4));
}

TEST_F(CopyGuardTest, RefusesDamagedKeys) {
  EXPECT_EQ(guard_.Begin(kCollection, {std::string("\0\x46\x7f", 3)}).code(),
            StatusCode::kDataLoss);
  EXPECT_EQ(guard_.Begin(kCollection, {"\x05"}).code(), StatusCode::kDataLoss);
}

TEST_F(CopyGuardTest, IsFullOnceItsKeysTakeTooMuch) {
  ASSERT_TRUE(guard_.Begin(kCollection, {}).ok());
  for (int64_t key = 0; key < 10; ++key) {
    EXPECT_FALSE(guard_.IsFull(kCollection));
    PushLog(Rows(RowOp::kDelete, Delete(5, {1})));  // the same again takes nothing
  }
  for (int64_t key = 0; key < 30; ++key) {
    PushLog(Rows(RowOp::kDelete, Delete(5, {key})));
  }
  EXPECT_TRUE(guard_.IsFull(kCollection));
  EXPECT_FALSE(guard_.IsFull({8})) << "others need no memory";
  guard_.End(kCollection);
  EXPECT_FALSE(guard_.IsFull(kCollection));
}

// A record of a real source: an Int64 key, a vector, a text and a document.
TEST(EncodeKeptRows, WritesTheChosenRows) {
  const Result<MessagePtr> whole = DecodeMessage(MsgId{}, Payload::Own(FromHex(kInsertHex)));
  ASSERT_TRUE(whole.ok()) << whole.status().ToString();
  ASSERT_EQ((*whole)->rows, 4U);
  Result<std::string> record = EncodeKeptRows(**whole, std::string("\1\0\0\1", 4));
  ASSERT_TRUE(record.ok()) << record.status().ToString();
  const Result<MessagePtr> kept = DecodeMessage(MsgId{}, Payload::Own(*std::move(record)));
  ASSERT_TRUE(kept.ok()) << kept.status().ToString();
  EXPECT_EQ((*kept)->rows, 2U);
  EXPECT_EQ((*kept)->ts, (*whole)->ts);
  EXPECT_EQ((*kept)->vchannel, (*whole)->vchannel);
  EXPECT_EQ((*kept)->partition, (*whole)->partition);
  EXPECT_EQ((*kept)->collection, (*whole)->collection);
  ASSERT_EQ((*kept)->columns.size(), (*whole)->columns.size());
  for (size_t i = 0; i < (*whole)->columns.size(); ++i) {
    const Column& before = (*whole)->columns[i];
    const Column& after = (*kept)->columns[i];
    SCOPED_TRACE(before.name);
    EXPECT_EQ(after.name, before.name);
    EXPECT_EQ(after.field, before.field);
    EXPECT_EQ(after.type, before.type);
    EXPECT_EQ(after.dim, before.dim);
    EXPECT_EQ(after.is_dynamic, before.is_dynamic);
    if (before.name == "id") {
      EXPECT_EQ(after.body, Numbers({0, 4}));
    } else if (before.name == "s") {
      EXPECT_EQ(after.body, Texts({"a0", "a4"}));
    } else if (before.kind == ColumnKind::kVectorArray) {
      constexpr size_t kRow = 8 * sizeof(float);
      EXPECT_EQ(after.body.substr(after.body.size() - 2 * kRow),
                std::string(before.body.substr(before.body.size() - 4 * kRow, kRow)) +
                    std::string(before.body.substr(before.body.size() - kRow)));
    }
  }
  EXPECT_FALSE(EncodeKeptRows(**whole, std::string("\1\0", 2)).ok());
}

TEST(EncodeKeptRows, EachRowKeepsItsTime) {
  std::string bytes = FromHex(kInsertHex);
  const std::string time = "\x83\x80\xf0\xe3\x9f\xe8\x83\xc4\x06";
  bytes[bytes.rfind(time)] = '\x84';  // of the last row
  const Result<MessagePtr> whole = DecodeMessage(MsgId{}, Payload::Own(bytes));
  ASSERT_TRUE(whole.ok()) << whole.status().ToString();
  Result<std::string> record = EncodeKeptRows(**whole, std::string("\0\1\0\1", 4));
  ASSERT_TRUE(record.ok()) << record.status().ToString();
  const Result<MessagePtr> kept = DecodeMessage(MsgId{}, Payload::Own(*std::move(record)));
  ASSERT_TRUE(kept.ok()) << kept.status().ToString();
  EXPECT_EQ((*kept)->row_times, time + "\x84" + time.substr(1));
}

// ---- Every order -----------------------------------------------------------------------------

// A shard with two keys: 1, which the log writes, and 2, which it does not. A state is reached by a
// list of steps, and all states are visited: the log is read, the record is copied, calls are
// executed and answered, checkpoints and the part are stored, and the process dies, in any order.
enum class Write { kInsert, kDelete, kUpsert };
using Target = std::map<int, std::vector<uint64_t>>;  // by key: the times of its rows

constexpr uint64_t kTakeover = 1;  // the time of all stored rows

struct History {
  bool stored = false;  // key 1 is among the stored rows
  std::vector<Write> writes;
  uint64_t last() const { return kTakeover + writes.size(); }
};

struct Variant {
  bool remembers = true;
  bool pushes_with_check = true;  // at once
  bool saves_keys = true;
  bool one_lane = true;
};

enum class Step {
  kRead,
  kCopy,
  kPush,
  kCall,
  kCallOther,
  kAnswer,
  kAnswerLast,
  kSave,
  kNote,
  kDie
};
constexpr Step kSteps[] = {Step::kRead,      Step::kCopy,   Step::kPush,       Step::kCall,
                           Step::kCallOther, Step::kAnswer, Step::kAnswerLast, Step::kSave,
                           Step::kNote,      Step::kDie};
constexpr int kDeaths = 2;

class World {
 public:
  World(const History& history, const Variant& variant) : history_(history), variant_(variant) {
    Start();
  }

  // Returns false if the step cannot be made now.
  bool Make(Step step) {
    switch (step) {
      case Step::kRead: return Read();
      case Step::kCopy: return Copy();
      case Step::kPush: return PushHeld();
      case Step::kCall: return Call(&life_->lane);
      case Step::kCallOther: return !variant_.one_lane && Call(&life_->copy_lane);
      case Step::kAnswer: return Answer(0);
      case Step::kAnswerLast: return life_->calls.size() > 1 && Answer(life_->calls.size() - 1);
      case Step::kSave: return Save();
      case Step::kNote: return Note();
      case Step::kDie: return Die();
    }
    return false;
  }

  bool is_over() const {
    return noted_ && life_->read > history_.last() && life_->calls.empty() && life_->lane.empty() &&
           life_->copy_lane.empty();
  }

  Target expected() const {
    Target rows;
    if (history_.stored) {
      rows[1] = {kTakeover};
    }
    rows[2] = {kTakeover};
    for (size_t i = 0; i < history_.writes.size(); ++i) {
      rows.erase(1);
      if (history_.writes[i] != Write::kDelete) {
        rows[1] = {kTakeover + i + 1};
      }
    }
    return rows;
  }
  Target target() const {
    Target rows = target_;
    std::erase_if(rows, [](const auto& each) { return each.second.empty(); });
    return rows;
  }

  // Equal for states from which the same can happen.
  std::string state() const {
    const ChannelCheckpoint now = life_->log->Snapshot();
    std::string text = std::to_string(deaths_) + (noted_ ? "n" : "") + (begun_ ? "b" : "") +
                       (life_->upserts ? "u" : "") + (life_->copied ? "c" : "") + " sent " +
                       std::to_string(sent_) + " read " + std::to_string(life_->read) + " saved " +
                       std::to_string(saved_.ts.value) + Ids(saved_) + " now " +
                       std::to_string(now.ts.value) + Ids(now) + (saved_key_ ? "k" : "") +
                       (life_->remembered ? "r" : "") + " copies " +
                       std::to_string(life_->copies->checkpoint().value);
    for (const PendingRows& held : life_->held) {
      text += " h" + Name(held);
    }
    for (const auto& [key, rows] : target_) {
      text += " t" + std::to_string(key);
      for (const uint64_t row : rows) {
        text += "," + std::to_string(row);
      }
    }
    for (const std::string& each : life_->waiting) {
      text += " w" + each;
    }
    for (const Lane::Batch& call : life_->calls) {
      text += " c" + Name(call.rows.front());
    }
    return text;
  }

 private:
  // Where the guard hands on.
  class Lanes final : public RowConsumer {
   public:
    explicit Lanes(World* world) : world_(world) {}
    void Push(CollectionId /*collection*/,
              const std::string& /*lane*/,
              const std::shared_ptr<AckTracker>& tracker,
              std::vector<PendingRows> rows) override {
      for (PendingRows& each : rows) {
        each.tracker = tracker;
        if (each.copied && !world_->variant_.pushes_with_check) {
          world_->life_->held.push_back(std::move(each));
        } else {
          world_->PushToLane(std::move(each));
        }
      }
    }

   private:
    World* const world_;
  };

  // What a process has in memory.
  struct Life {
    std::shared_ptr<AckTracker> log;
    std::shared_ptr<AckTracker> copies;
    Lane lane;
    Lane copy_lane;
    std::vector<std::string> waiting;
    std::vector<Lane::Batch> calls;  // executed and not answered
    std::vector<PendingRows> held;
    uint64_t read = 0;  // the next time to read
    bool upserts = false;
    bool copied = false;
    bool remembered = false;
  };

  static std::string Name(const PendingRows& rows) {
    std::string name = rows.copied ? "copy" : "log";
    name +=
        std::to_string(static_cast<int>(rows.op)) + "@" + std::to_string(rows.message->ts.value);
    for (const uint64_t key : rows.keys) {
      name += "/" + std::to_string(key);
    }
    return name;
  }
  static std::string Ids(const ChannelCheckpoint& checkpoint) {
    std::string text;
    for (const MsgId& id : checkpoint.applied) {
      text += "+" + id.bytes;
    }
    return text;
  }

  void Start() {
    life_ = std::make_unique<Life>();
    life_->log = std::make_shared<AckTracker>("dml_0", MsgId{}, saved_.ts);
    life_->copies = std::make_shared<AckTracker>("snapshot", MsgId{}, Timestamp{});
    life_->read = saved_.ts.value + 1;
    life_->upserts = begun_;
    guard_ = std::make_unique<CopyGuard>(&lanes_, 1U << 20, [](CollectionId, const Status& status) {
      ADD_FAILURE() << status.ToString();
    });
    if (variant_.remembers && !noted_) {
      EXPECT_TRUE(guard_->Begin(kCollection, keys_).ok());
      life_->remembered = saved_key_;
    }
  }

  void PushToLane(PendingRows rows) {
    life_->waiting.push_back(Name(rows));
    Lane& lane = rows.copied && !variant_.one_lane ? life_->copy_lane : life_->lane;
    lane.Push(std::move(rows));
  }

  bool Read() {
    const uint64_t ts = life_->read;
    if (ts > history_.last()) {
      return false;
    }
    ++life_->read;
    const MsgId id{std::to_string(ts)};
    if (std::ranges::find(saved_.applied, id) != saved_.applied.end()) {
      life_->log->AddGroup({ts}, id, {});
      return true;
    }
    const Write write = history_.writes[ts - kTakeover - 1];
    PendingRows rows = Rows(write == Write::kInsert   ? RowOp::kInsert
                            : write == Write::kDelete ? RowOp::kDelete
                                                      : RowOp::kUpsert,
                            write == Write::kDelete ? Delete(ts, {1}) : Insert(ts, {1}));
    rows.UpsertUntil({doubt_});
    const uint64_t group = life_->log->AddGroup({ts}, id, {{.id = id}});
    rows.tickets = {{.group = group, .index = 0}};
    life_->remembered = life_->remembered || variant_.remembers;
    guard_->log()->Push(kCollection, kVchannel, life_->log, One(std::move(rows)));
    return true;
  }

  bool Copy() {
    if (noted_ || life_->copied) {
      return false;
    }
    life_->copied = true;
    begun_ = true;
    PendingRows rows = Rows(
        life_->upserts ? RowOp::kUpsert : RowOp::kInsert,
        Insert(kTakeover, history_.stored ? std::vector<int64_t>{1, 2} : std::vector<int64_t>{2}));
    rows.copied = true;
    const uint64_t group = life_->copies->AddGroup({1}, {}, {{.id = {}}});
    rows.tickets = {{.group = group, .index = 0}};
    guard_->copied()->Push(kCollection, kVchannel, life_->copies, One(std::move(rows)));
    return true;
  }

  bool PushHeld() {
    if (life_->held.empty()) {
      return false;
    }
    PushToLane(std::move(life_->held.back()));
    life_->held.pop_back();
    return true;
  }

  // The target executes a call; its answer is on its way.
  bool Call(Lane* lane) {
    Lane::Batch batch =
        lane->Take({.batch_bytes = 1}, {~uint64_t{0}}, [](const Message&) { return true; });
    if (batch.rows.empty()) {
      return false;
    }
    const PendingRows& rows = batch.rows.front();
    std::erase(life_->waiting, Name(rows));
    for (const uint64_t key : rows.keys) {
      std::vector<uint64_t>& held = target_[static_cast<int>(key)];
      if (rows.op != RowOp::kInsert) {
        held.clear();
      }
      if (rows.op != RowOp::kDelete) {
        held.push_back(rows.message->ts.value);
      }
    }
    if (!rows.copied) {
      sent_ = std::max(sent_, rows.message->ts.value);
    }
    life_->calls.push_back(std::move(batch));
    return true;
  }

  bool Answer(size_t call) {
    if (call >= life_->calls.size()) {
      return false;
    }
    Lane::Batch batch = std::move(life_->calls[call]);
    life_->calls.erase(life_->calls.begin() + static_cast<std::ptrdiff_t>(call));
    for (const PendingRows& rows : batch.rows) {
      rows.tracker->Ack(rows.tickets.front());
      Lane& lane = rows.copied && !variant_.one_lane ? life_->copy_lane : life_->lane;
      lane.Finish(batch);
    }
    return true;
  }

  bool Save() {
    ChannelCheckpoint now = life_->log->Snapshot();
    // Those of earlier lives stay listed until the checkpoint has passed them.
    for (const MsgId& id : saved_.applied) {
      if (std::stoull(id.bytes) > now.ts.value) {
        now.applied.push_back(id);
      }
    }
    saved_ = std::move(now);
    for (const auto& [collection, keys] : guard_->Unsaved()) {
      if (variant_.saves_keys) {
        keys_.push_back(keys);
        saved_key_ = true;
      }
    }
    guard_->OnSaved();
    return true;
  }

  bool Note() {
    if (noted_ || !life_->copied || life_->copies->checkpoint().value != 1) {
      return false;
    }
    noted_ = true;
    guard_->End(kCollection);
    return true;
  }

  bool Die() {
    if (deaths_ == kDeaths) {
      return false;
    }
    ++deaths_;
    doubt_ = sent_;
    Start();
    return true;
  }

  const History history_;
  const Variant variant_;
  Lanes lanes_{this};
  std::unique_ptr<Life> life_;
  std::unique_ptr<CopyGuard> guard_;
  Target target_;
  int deaths_ = 0;
  uint64_t sent_ = 0;   // the latest time of what the target has got of the log
  uint64_t doubt_ = 0;  // that, when the process died
  // Stored.
  ChannelCheckpoint saved_{.channel = "dml_0", .position = {}, .ts = {kTakeover}, .applied = {}};
  std::vector<std::string> keys_;
  bool saved_key_ = false;
  bool begun_ = false;
  bool noted_ = false;
};

struct Count {
  size_t states = 0;
  size_t ends = 0;
  size_t wrong = 0;
};

void VisitAll(const History& history, const Variant& variant, Count* count) {
  std::set<std::string> seen;
  std::deque<std::vector<Step>> open{{}};
  while (!open.empty()) {
    const std::vector<Step> path = std::move(open.front());
    open.pop_front();
    for (const Step step : kSteps) {
      World world(history, variant);
      for (const Step made : path) {
        world.Make(made);
      }
      if (!world.Make(step) || !seen.insert(world.state()).second) {
        continue;
      }
      ++count->states;
      if (world.is_over()) {
        ++count->ends;
        count->wrong += world.target() == world.expected() ? 0U : 1U;
      }
      std::vector<Step> next = path;
      next.push_back(step);
      open.push_back(std::move(next));
    }
  }
}

// All histories of up to `most` writes in which a key that exists is not inserted again.
Count VisitHistories(size_t most, const Variant& variant) {
  Count count;
  std::vector<std::pair<History, bool>> open{{{.stored = false, .writes = {}}, false},
                                             {{.stored = true, .writes = {}}, true}};
  while (!open.empty()) {
    const auto [history, exists] = open.back();
    open.pop_back();
    VisitAll(history, variant, &count);
    for (const Write write : {Write::kInsert, Write::kDelete, Write::kUpsert}) {
      if (history.writes.size() < most && !(write == Write::kInsert && exists)) {
        History next = history;
        next.writes.push_back(write);
        open.emplace_back(std::move(next), write != Write::kDelete);
      }
    }
  }
  return count;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kWrites = 1;  // two take minutes
#else
constexpr int kWrites = 2;
#endif

TEST(CopyGuardStates, EveryOrderOfLogCopySavesAndCrashesEndsEqual) {
  const Count count = VisitHistories(kWrites, {});
  EXPECT_GT(count.states, kWrites == 1 ? 0U : 10'000U);
  EXPECT_GT(count.ends, kWrites == 1 ? 0U : 500U);
  EXPECT_EQ(count.wrong, 0U);
}

// The test can fail: each of the conditions is needed.
TEST(CopyGuardStates, AreWrongIfNothingIsRemembered) {
  EXPECT_GT(VisitHistories(1, {.remembers = false}).wrong, 0U);
}

TEST(CopyGuardStates, AreWrongIfTheLogCanComeBetweenCheckAndPush) {
  EXPECT_GT(VisitHistories(1, {.pushes_with_check = false}).wrong, 0U);
}

TEST(CopyGuardStates, AreWrongIfKeysAreNotSavedWithTheCheckpoint) {
  EXPECT_GT(VisitHistories(1, {.saves_keys = false}).wrong, 0U);
}

TEST(CopyGuardStates, AreWrongIfCopyAndLogHaveLanesOfTheirOwn) {
  EXPECT_GT(VisitHistories(1, {.one_lane = false}).wrong, 0U);
}

}  // namespace
}  // namespace cdc::copy_guard
