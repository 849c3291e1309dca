#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "metastore/meta_store.h"
#include "model/ids.h"
#include "model/message.h"
#include "model/takeover.h"
#include "model/task_progress.h"
#include "rows/lane.h"
#include "rows/reading_start.h"

// A copy by queries reads each key at a moment of its own, after the takeover. This tries, for one
// key, every history of writes with every takeover, every moment and state that a read may find,
// with and without a crash that makes the copy read it again, and follows the log from the takeover
// on. Keys do not influence each other, so one is enough.
namespace cdc::copy_handover {
namespace {

enum class Write { kNone, kInsert, kDelete, kUpsert };

// The write of time i + 1. A row's value is the time of its write.
using History = std::vector<Write>;
using Row = std::optional<int>;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kTimes = 4;  // five take minutes
#else
constexpr int kTimes = 5;
#endif
constexpr CollectionId kCollection{7};
constexpr char kVchannel[] = "dml_0_7v0";

// All histories in which a key that exists is not inserted again.
void ForEachHistory(History* history,
                    bool exists,
                    const std::function<void(const History&)>& call) {
  if (history->size() == kTimes) {
    call(*history);
    return;
  }
  for (const Write write : {Write::kNone, Write::kInsert, Write::kDelete, Write::kUpsert}) {
    if (write == Write::kInsert && exists) {
      continue;
    }
    history->push_back(write);
    ForEachHistory(history, write == Write::kNone ? exists : write != Write::kDelete, call);
    history->pop_back();
  }
}

// The source's row after the writes up to `time`.
Row At(const History& history, int time) {
  Row row;
  for (int t = 1; t <= time; ++t) {
    switch (history[static_cast<size_t>(t - 1)]) {
      case Write::kNone: break;
      case Write::kDelete: row.reset(); break;
      default: row = t; break;
    }
  }
  return row;
}

// What reads at `moment` may see: the state of any time from the takeover on, since the replicas of
// the source lag, and of an upsert perhaps only the deletion.
std::vector<Row> Seen(const History& history, int takeover, int moment) {
  std::vector<Row> seen;
  for (int time = takeover; time <= moment; ++time) {
    seen.push_back(At(history, time));
    if (time > takeover && history[static_cast<size_t>(time - 1)] == Write::kUpsert) {
      seen.emplace_back();
    }
  }
  return seen;
}

// A key on the target; insert adds a row even if there is one.
class Target {
 public:
  void Apply(RowOp op, int value) {
    if (op != RowOp::kInsert) {
      rows_.clear();
    }
    if (op != RowOp::kDelete) {
      rows_.push_back(value);
    }
  }
  bool Is(const Row& row) const {
    return row.has_value() ? rows_ == std::vector<int>{*row} : rows_.empty();
  }

 private:
  std::vector<int> rows_;
};

Timestamp TimeOf(int time) { return {static_cast<uint64_t>(time)}; }

// Follows the log as the router does.
void Replay(const History& history, const Takeover& takeover, Target* target) {
  MetaStore::Progress progress;
  progress.snapshots.push_back(
      {.collection = kCollection, .takeover = {{kVchannel, takeover}}, .done = true});
  const ReadingStart start(progress, {});
  for (int time = 1; time <= kTimes; ++time) {
    const Write write = history[static_cast<size_t>(time - 1)];
    if (write == Write::kNone || TimeOf(time) <= start.CopiedUntil(kCollection, kVchannel)) {
      continue;
    }
    auto message = std::make_shared<Message>();
    message->ts = TimeOf(time);
    PendingRows rows;
    rows.op = write == Write::kInsert   ? RowOp::kInsert
              : write == Write::kDelete ? RowOp::kDelete
                                        : RowOp::kUpsert;
    rows.message = std::move(message);
    rows.UpsertUntil(start.CopyDoubt(kCollection, kVchannel));
    target->Apply(rows.op, time);
  }
}

// Follows the log after a copy of some rows: from `place` on, all rows, which are in doubt up to
// `present`.
void ReplayAll(const History& history, int place, int present, Target* target) {
  MetaStore::Progress progress;
  progress.snapshots.push_back({.collection = kCollection,
                                .selection = {.partitions = {"p"}},
                                .takeover = {{kVchannel, {.position = {}, .ts = TimeOf(kTimes)}}},
                                .done = true});
  const ReadingStart start(progress, {});
  EXPECT_EQ(start.CopiedUntil(kCollection, kVchannel), Timestamp{});
  EXPECT_EQ(start.CopyDoubt(kCollection, kVchannel), Timestamp{});
  for (int time = place + 1; time <= kTimes; ++time) {
    const Write write = history[static_cast<size_t>(time - 1)];
    if (write != Write::kNone) {
      const bool insert = write == Write::kInsert && time > present;
      target->Apply(write == Write::kDelete ? RowOp::kDelete
                    : insert                ? RowOp::kInsert
                                            : RowOp::kUpsert,
                    time);
    }
  }
}

struct Variant {
  int sees_before_takeover = 0;  // how much earlier than the takeover a read may be
  int seen_until_late = 0;       // how much earlier than the last read `seen_until` is
  bool forgets_seen_until = false;
};

struct Count {
  int tried = 0;
  int wrong = 0;
};

Count TryAll(const Variant& variant) {
  Count count;
  const auto end = [&](const History& history, int takeover, int last_read, const Target& copied) {
    for (int present = last_read; present <= kTimes; ++present) {
      Target target = copied;
      const int until = variant.forgets_seen_until ? 0 : present - variant.seen_until_late;
      Replay(history,
             {.position = {}, .ts = TimeOf(takeover), .seen_until = TimeOf(std::max(until, 0))},
             &target);
      ++count.tried;
      count.wrong += target.Is(At(history, kTimes)) ? 0 : 1;
    }
  };
  const auto each = [&](const History& history) {
    for (int takeover = 0; takeover <= kTimes; ++takeover) {
      const int oldest = std::max(takeover - variant.sees_before_takeover, 0);
      for (int first = takeover; first <= kTimes; ++first) {
        for (const Row& seen : Seen(history, oldest, first)) {
          Target target;
          if (seen.has_value()) {
            target.Apply(RowOp::kInsert, *seen);
          }
          end(history, takeover, first, target);
          // A crash: the copy reads again, and writes upserts.
          for (int second = first; second <= kTimes; ++second) {
            for (const Row& again : Seen(history, oldest, second)) {
              Target repeated = target;
              if (again.has_value()) {
                repeated.Apply(RowOp::kUpsert, *again);
              }
              end(history, takeover, second, repeated);
            }
          }
        }
      }
    }
  };
  History history;
  ForEachHistory(&history, false, each);
  return count;
}

TEST(CopyHandover, EveryOrderOfWritesReadsAndCrashesEndsEqual) {
  const Count count = TryAll({});
  EXPECT_GT(count.tried, kTimes == 5 ? 100'000 : 10'000);
  EXPECT_EQ(count.wrong, 0);
}

// The test can fail: each of the conditions is needed.
TEST(CopyHandover, IsWrongIfInsertsAreNotInDoubt) {
  EXPECT_GT(TryAll({.forgets_seen_until = true}).wrong, 0);
}

TEST(CopyHandover, IsWrongIfTheDoubtEndsBeforeTheLastRead) {
  EXPECT_GT(TryAll({.seen_until_late = 1}).wrong, 0);
}

TEST(CopyHandover, IsWrongIfAReadSeesLessThanTheTakeover) {
  EXPECT_GT(TryAll({.sees_before_takeover = 1}).wrong, 0);
}

// ---- A copy of some rows, into a collection that was left at some time -----------------------

// What the copy does with the key.
enum class Part {
  kCopied,    // it is in a copied partition: it is replaced, or removed if it is not found
  kFiltered,  // it is written if its row has an even value
  kLeft,      // it is in another partition
};

struct Places {
  std::function<int(int left_at, int takeover)> place = [](int left_at, int takeover) {
    return std::min(left_at, takeover);
  };
  bool in_doubt = true;
};

// With every history, every time at which the collection was left, every takeover, and every moment
// and state of a read. A key that is copied may be in any state before; the others are as they were
// left.
Count TryAllOfSome(Part part, const Places& places) {
  Count count;
  const auto end = [&](const History& history, int left_at, int takeover, int read,
                       const Target& copied) {
    for (int present = std::max(read, left_at); present <= kTimes; ++present) {
      Target target = copied;
      ReplayAll(history, places.place(left_at, takeover), places.in_doubt ? present : 0, &target);
      ++count.tried;
      count.wrong += target.Is(At(history, kTimes)) ? 0 : 1;
    }
  };
  const auto copy = [&](const History& history, int left_at, int takeover, const Target& before) {
    if (part == Part::kLeft) {
      end(history, left_at, takeover, takeover, before);
      return;
    }
    for (int read = takeover; read <= kTimes; ++read) {
      for (const Row& seen : Seen(history, takeover, read)) {
        Target target = before;
        if (seen.has_value() && (part == Part::kCopied || *seen % 2 == 0)) {
          target.Apply(RowOp::kUpsert, *seen);
        } else if (!seen.has_value() && part == Part::kCopied) {
          target.Apply(RowOp::kDelete, 0);
        }
        end(history, left_at, takeover, read, target);
      }
    }
  };
  History history;
  ForEachHistory(&history, false, [&](const History& each) {
    for (int left_at = 0; left_at <= kTimes; ++left_at) {
      for (int takeover = 0; takeover <= kTimes; ++takeover) {
        Target target;
        if (const Row row = At(each, left_at); row.has_value()) {
          target.Apply(RowOp::kInsert, *row);
        }
        copy(each, left_at, takeover, target);
        if (part == Part::kCopied) {
          Target damaged;
          copy(each, left_at, takeover, damaged);
          damaged.Apply(RowOp::kInsert, -1);
          damaged.Apply(RowOp::kInsert, -2);
          copy(each, left_at, takeover, damaged);
        }
      }
    }
  });
  return count;
}

TEST(CopyOfSome, WhatIsCopiedAndWhatIsNotEndEqual) {
  for (const Part part : {Part::kCopied, Part::kFiltered, Part::kLeft}) {
    const Count count = TryAllOfSome(part, {});
    EXPECT_GT(count.tried, kTimes == 5 ? 30'000 : 3'000);
    EXPECT_EQ(count.wrong, 0) << static_cast<int>(part);
  }
}

TEST(CopyOfSome, IsWrongFromTheTakeoverOn) {
  const Places places{.place = [](int /*left_at*/, int takeover) { return takeover; }};
  EXPECT_EQ(TryAllOfSome(Part::kCopied, places).wrong, 0);
  EXPECT_GT(TryAllOfSome(Part::kFiltered, places).wrong, 0);
  EXPECT_GT(TryAllOfSome(Part::kLeft, places).wrong, 0);
}

TEST(CopyOfSome, IsWrongFromWhereItWasLeftOn) {
  const Places places{.place = [](int left_at, int /*takeover*/) { return left_at; }};
  EXPECT_GT(TryAllOfSome(Part::kCopied, places).wrong, 0);
  EXPECT_GT(TryAllOfSome(Part::kFiltered, places).wrong, 0);
}

TEST(CopyOfSome, IsWrongIfInsertsAreNotInDoubt) {
  EXPECT_GT(TryAllOfSome(Part::kLeft, {.in_doubt = false}).wrong, 0);
}

}  // namespace
}  // namespace cdc::copy_handover
