#include "metastore/sqlite/sqlite_snapshots.h"

#include <utility>

#include "metastore/sqlite/sqlite_timestamp.h"

namespace cdc {

// Written out in the statements.
static_assert(static_cast<int>(CopyLog::kApplied) == 2);

Status SqliteSnapshots::Prepare(sqlite::Database* database) {
  return database->Prepare(
      {{&put_,
        "INSERT OR REPLACE INTO snapshots(task_id, collection_id, filter, begun, done, rows, "
        "bytes, log, expected_seconds, queue_seconds) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
       {&put_partition_,
        "INSERT OR IGNORE INTO snapshot_partitions(task_id, collection_id, name) VALUES(?, ?, ?)"},
       {&put_takeover_,
        "INSERT OR REPLACE INTO snapshot_takeovers(task_id, collection_id, vchannel, position, ts, "
        "seen_until) VALUES(?, ?, ?, ?, ?, ?)"},
       {&put_segment_,
        "INSERT OR IGNORE INTO snapshot_segments(task_id, collection_id, segment) VALUES(?, ?, ?)"},
       {&load_,
        "SELECT collection_id, filter, begun, done, rows, bytes, log, expected_seconds, "
        "queue_seconds FROM snapshots WHERE task_id = ? ORDER BY collection_id"},
       {&load_partitions_,
        "SELECT name FROM snapshot_partitions WHERE task_id = ? AND collection_id = ?"},
       {&load_takeovers_,
        "SELECT vchannel, position, ts, seen_until FROM snapshot_takeovers "
        "WHERE task_id = ? AND collection_id = ?"},
       {&load_segments_,
        "SELECT segment FROM snapshot_segments WHERE task_id = ? AND collection_id = ?"},
       {&add_log_keys_,
        "INSERT INTO snapshot_log_keys(task_id, collection_id, keys) SELECT task_id, "
        "collection_id, ? FROM snapshots WHERE task_id = ? AND collection_id = ? AND done = 0 AND "
        "log = 2"},
       {&load_log_keys_,
        "SELECT keys FROM snapshot_log_keys WHERE task_id = ? AND collection_id = ? ORDER BY "
        "number"},
       {&remove_unused_log_keys_,
        "DELETE FROM snapshot_log_keys WHERE task_id = ?1 AND collection_id NOT IN (SELECT "
        "collection_id FROM snapshots WHERE task_id = ?1 AND done = 0 AND log = 2)"},
       {&remove_[kLogKeys],
        "DELETE FROM snapshot_log_keys WHERE task_id = ? AND collection_id = ?"},
       {&remove_all_[kLogKeys], "DELETE FROM snapshot_log_keys WHERE task_id = ?"},
       {&remove_[0], "DELETE FROM snapshots WHERE task_id = ? AND collection_id = ?"},
       {&remove_[1], "DELETE FROM snapshot_takeovers WHERE task_id = ? AND collection_id = ?"},
       {&remove_[2], "DELETE FROM snapshot_segments WHERE task_id = ? AND collection_id = ?"},
       {&remove_[kPartitions],
        "DELETE FROM snapshot_partitions WHERE task_id = ? AND collection_id = ?"},
       {&remove_all_[0], "DELETE FROM snapshots WHERE task_id = ?"},
       {&remove_all_[1], "DELETE FROM snapshot_takeovers WHERE task_id = ?"},
       {&remove_all_[2], "DELETE FROM snapshot_segments WHERE task_id = ?"},
       {&remove_all_[kPartitions], "DELETE FROM snapshot_partitions WHERE task_id = ?"}});
}

Status SqliteSnapshots::Put(const std::string& task_id, const SnapshotProgress& snapshot) {
  const int64_t collection = snapshot.collection.value;
  CDC_RETURN_IF_ERROR(put_.BindText(0, task_id)
                          .Bind(1, collection)
                          .BindText(2, snapshot.selection.filter)
                          .Bind(3, snapshot.begun ? 1 : 0)
                          .Bind(4, snapshot.done ? 1 : 0)
                          .Bind(5, snapshot.rows)
                          .Bind(6, snapshot.bytes)
                          .Bind(7, static_cast<int64_t>(snapshot.log))
                          .Bind(8, snapshot.expected_seconds)
                          .Bind(9, snapshot.queue_seconds)
                          .Execute());
  // Those of an earlier copy do not count for this one.
  CDC_RETURN_IF_ERROR(remove_[kPartitions].BindText(0, task_id).Bind(1, collection).Execute());
  for (const std::string& partition : snapshot.selection.partitions) {
    CDC_RETURN_IF_ERROR(
        put_partition_.BindText(0, task_id).Bind(1, collection).BindText(2, partition).Execute());
  }
  for (const auto& [vchannel, takeover] : snapshot.takeover) {
    CDC_RETURN_IF_ERROR(put_takeover_.BindText(0, task_id)
                            .Bind(1, collection)
                            .BindText(2, vchannel)
                            .BindBlob(3, takeover.position.bytes)
                            .Bind(4, ToStored(takeover.ts))
                            .Bind(5, ToStored(takeover.seen_until))
                            .Execute());
  }
  for (const int64_t segment : snapshot.segments) {
    CDC_RETURN_IF_ERROR(
        put_segment_.BindText(0, task_id).Bind(1, collection).Bind(2, segment).Execute());
  }
  return snapshot.done || snapshot.log != CopyLog::kApplied
             ? remove_[kLogKeys].BindText(0, task_id).Bind(1, collection).Execute()
             : OkStatus();
}

Result<std::vector<SnapshotProgress>> SqliteSnapshots::Load(const std::string& task_id) {
  std::vector<SnapshotProgress> snapshots;
  load_.BindText(0, task_id);
  for (;;) {
    CDC_ASSIGN_OR_RETURN(const bool row, load_.Step());
    if (!row) {
      break;
    }
    snapshots.push_back({.collection = {load_.Int(0)},
                         .selection = {.partitions = {}, .filter = load_.Text(1)},
                         .takeover = {},
                         .begun = load_.Int(2) != 0,
                         .done = load_.Int(3) != 0,
                         .segments = {},
                         .rows = load_.Int(4),
                         .bytes = load_.Int(5),
                         .log = static_cast<CopyLog>(load_.Int(6)),
                         .expected_seconds = load_.Int(7),
                         .queue_seconds = load_.Int(8)});
  }
  for (SnapshotProgress& snapshot : snapshots) {
    CDC_RETURN_IF_ERROR(LoadParts(task_id, &snapshot));
  }
  return snapshots;
}

Status SqliteSnapshots::LoadParts(const std::string& task_id, SnapshotProgress* snapshot) {
  load_partitions_.BindText(0, task_id).Bind(1, snapshot->collection.value);
  for (;;) {
    CDC_ASSIGN_OR_RETURN(const bool row, load_partitions_.Step());
    if (!row) {
      break;
    }
    snapshot->selection.partitions.insert(load_partitions_.Text(0));
  }
  load_takeovers_.BindText(0, task_id).Bind(1, snapshot->collection.value);
  for (;;) {
    CDC_ASSIGN_OR_RETURN(const bool row, load_takeovers_.Step());
    if (!row) {
      break;
    }
    snapshot->takeover[load_takeovers_.Text(0)] = {
        .position = MsgId{load_takeovers_.Blob(1)},
        .ts = FromStored(load_takeovers_.Int(2)),
        .seen_until = FromStored(load_takeovers_.Int(3))};
  }
  load_segments_.BindText(0, task_id).Bind(1, snapshot->collection.value);
  for (;;) {
    CDC_ASSIGN_OR_RETURN(const bool row, load_segments_.Step());
    if (!row) {
      return OkStatus();
    }
    snapshot->segments.insert(load_segments_.Int(0));
  }
}

Status SqliteSnapshots::AddLogKeys(const std::string& task_id,
                                   CollectionId id,
                                   const std::string& keys) {
  return add_log_keys_.BindBlob(0, keys).BindText(1, task_id).Bind(2, id.value).Execute();
}

Result<std::vector<std::string>> SqliteSnapshots::LoadLogKeys(const std::string& task_id,
                                                              CollectionId id) {
  std::vector<std::string> keys;
  load_log_keys_.BindText(0, task_id).Bind(1, id.value);
  for (;;) {
    CDC_ASSIGN_OR_RETURN(const bool row, load_log_keys_.Step());
    if (!row) {
      return keys;
    }
    keys.push_back(load_log_keys_.Blob(0));
  }
}

Status SqliteSnapshots::Replace(const std::string& task_id,
                                const std::vector<SnapshotProgress>& snapshots) {
  for (size_t table = 0; table < kTables; ++table) {
    if (table != kLogKeys) {
      CDC_RETURN_IF_ERROR(remove_all_[table].BindText(0, task_id).Execute());
    }
  }
  for (const SnapshotProgress& snapshot : snapshots) {
    CDC_RETURN_IF_ERROR(Put(task_id, snapshot));
  }
  return remove_unused_log_keys_.BindText(0, task_id).Execute();
}

Status SqliteSnapshots::Remove(const std::string& task_id, CollectionId id) {
  for (sqlite::Statement& statement : remove_) {
    CDC_RETURN_IF_ERROR(statement.BindText(0, task_id).Bind(1, id.value).Execute());
  }
  return OkStatus();
}

Status SqliteSnapshots::RemoveAll(const std::string& task_id) {
  for (sqlite::Statement& statement : remove_all_) {
    CDC_RETURN_IF_ERROR(statement.BindText(0, task_id).Execute());
  }
  return OkStatus();
}

}  // namespace cdc
