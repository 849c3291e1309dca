#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/copy_selection.h"
#include "model/ids.h"
#include "model/rows.h"
#include "model/takeover.h"

// What a task has reached, as it is stored.
namespace cdc {

// A task's progress in one source channel: everything at or below `ts` is acknowledged by the
// target; a restart reads from `position` (inclusive) and skips what is at or below `ts`.
//
// A channel is read again from an earlier place if one of its collections has fallen behind (it was
// set aside, or its stored rows were copied meanwhile). `replay` then says what the target has of
// each, until the checkpoint has passed all of it.
struct ChannelCheckpoint {
  // Everything at or below `ts` is applied. Rows in (ts, horizon] may be: they are repeated in a
  // way that cannot double them.
  struct AppliedUntil {
    Timestamp ts;
    Timestamp horizon;
    bool operator==(const AppliedUntil&) const = default;
  };
  struct Replay {
    AppliedUntil others;
    MsgId others_position;                             // where they would go on
    std::map<CollectionId, AppliedUntil> collections;  // those for which the channel is read again

    // Whether a checkpoint at `ts` has passed all of it.
    bool IsOver(Timestamp ts) const {
      const auto passed = [ts](const AppliedUntil& until) {
        return until.ts <= ts && until.horizon <= ts;
      };
      return passed(others) && std::all_of(collections.begin(), collections.end(),
                                           [&](const auto& each) { return passed(each.second); });
    }
    bool operator==(const Replay&) const = default;
  };

  std::string channel;  // pchannel
  MsgId position;
  Timestamp ts;
  // Records above `ts` that are already acknowledged, in no particular order.
  std::vector<MsgId> applied;
  // No row with a later time has been sent. Rows in (ts, horizon] may have been sent, with unknown
  // outcome: they are repeated in a way that cannot double them. 0 after a clean stop.
  Timestamp horizon;
  std::optional<Replay> replay;
  // To be stored with it, see KeysToSave. Added to those that are stored; not loaded with it.
  std::map<CollectionId, std::string> log_keys = {};
};

// A source collection that the task has begun to replicate. It is stored so that its drop is
// replicated even if it happens while the task is not running.
struct ReplicatedCollection {
  CollectionId id;
  CollectionName source;
  CollectionName target;
  std::vector<std::string> pchannels;
  Timestamp created;
  // Rows at or before this record do not belong to the task (start_from latest). By pchannel.
  std::map<std::string, MsgId> skip_until;
  // Whether the target's collection is this one: created by the task, or found to match. Only then
  // may the task drop it.
  bool on_target = false;
  // It has been seen there since: if it is missing now, somebody has removed it.
  bool seen_on_target = false;
  // The target's collection existed before the task and may already hold the rows the source had up
  // to this time: they are written in a way that cannot double them. 0: none.
  Timestamp may_hold_until;
  // The task was about to rename the collection on the target from this name to `target`.
  std::optional<CollectionName> renamed_from;
  // The partitions the task has begun; it leaves others on the target alone.
  std::map<PartitionId, std::string> partitions;
};

// A collection that the task's log does not feed: it has been set aside, or its stored rows are
// copied while the other collections of its channels go on.
struct AsideCollection {
  CollectionId collection;
  CollectionName name;  // on the source, at that time
  std::string reason;   // why it was set aside; empty: it is being copied
  int64_t since_unix_ms = 0;
  // What the target has of it, by pchannel: the log goes on from here. A channel that is missing:
  // nothing yet.
  std::map<std::string, Takeover> left_at;
  bool operator==(const AsideCollection&) const = default;
};

// What the log of a collection does while its stored rows are copied.
enum class CopyLog {
  kWaits,      // on the queue, until they are copied
  kWillApply,  // is applied as soon as the target's collection is known to be new
  kApplied,    // is applied meanwhile; its keys are stored, and no copied row replaces them
};

// The copy of what the source had stored of a collection.
struct SnapshotProgress {
  CollectionId collection;
  // What is copied. If it is not everything, the collection is aside until the copy is done, and
  // all of its log since then is read again.
  CopySelection selection;
  // Where the log takes over, by vchannel: rows up to that time come from the copy.
  std::map<std::string, Takeover> takeover;
  // Some rows may have been sent, so those of parts that are not done are sent as upserts.
  bool begun = false;
  bool done = false;
  std::set<int64_t> segments;  // parts that are copied completely, by their ids
  // Of all of them, once it is done.
  int64_t rows = 0;
  int64_t bytes = 0;
  CopyLog log = CopyLog::kWaits;
  // What the task's copies together were expected to take when it was created, and how long the
  // queue was said to hold a record. 0: not known.
  int64_t expected_seconds = 0;
  int64_t queue_seconds = 0;
  bool operator==(const SnapshotProgress&) const = default;
};

}  // namespace cdc
