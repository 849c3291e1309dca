#include "metastore/sqlite/sqlite_progress.h"

#include <utility>

#include "metastore/msg_id_list.h"
#include "metastore/sqlite/sqlite_timestamp.h"

namespace cdc {
namespace {

constexpr CollectionId kOthers{};  // no collection has this id

}  // namespace

Status SqliteProgress::Prepare(sqlite::Database* database) {
  return database->Prepare(
      {{&put_checkpoint_,
        "INSERT OR REPLACE INTO checkpoints(task_id, channel, position, ts, applied, horizon) "
        "VALUES(?, ?, ?, ?, ?, ?)"},
       {&load_checkpoints_,
        "SELECT channel, position, ts, applied, horizon FROM checkpoints WHERE task_id = ? "
        "ORDER BY channel"},
       {&put_replay_,
        "INSERT OR REPLACE INTO replays(task_id, channel, collection_id, ts, horizon, position) "
        "VALUES(?, ?, ?, ?, ?, ?)"},
       {&load_replay_,
        "SELECT collection_id, ts, horizon, position FROM replays WHERE task_id = ? AND channel = "
        "?"},
       {&remove_replay_, "DELETE FROM replays WHERE task_id = ? AND channel = ?"},
       {&remove_checkpoints_[0], "DELETE FROM checkpoints WHERE task_id = ?"},
       {&remove_checkpoints_[1], "DELETE FROM replays WHERE task_id = ?"},
       {&put_database_, "INSERT OR IGNORE INTO databases(task_id, name) VALUES(?, ?)"},
       {&remove_database_, "DELETE FROM databases WHERE task_id = ? AND name = ?"},
       {&load_databases_, "SELECT name FROM databases WHERE task_id = ? ORDER BY name"},
       {&put_source_, "INSERT OR REPLACE INTO sources(task_id, identity) VALUES(?, ?)"},
       {&load_source_, "SELECT identity FROM sources WHERE task_id = ?"},
       {&remove_all_[0], "DELETE FROM databases WHERE task_id = ?"},
       {&remove_all_[1], "DELETE FROM sources WHERE task_id = ?"}});
}

Status SqliteProgress::PutCheckpoint(const std::string& task_id,
                                     const ChannelCheckpoint& checkpoint) {
  CDC_RETURN_IF_ERROR(put_checkpoint_.BindText(0, task_id)
                          .BindText(1, checkpoint.channel)
                          .BindBlob(2, checkpoint.position.bytes)
                          .Bind(3, ToStored(checkpoint.ts))
                          .BindBlob(4, EncodeMsgIds(checkpoint.applied))
                          .Bind(5, ToStored(checkpoint.horizon))
                          .Execute());
  CDC_RETURN_IF_ERROR(
      remove_replay_.BindText(0, task_id).BindText(1, checkpoint.channel).Execute());
  if (!checkpoint.replay.has_value()) {
    return OkStatus();
  }
  const ChannelCheckpoint::Replay& replay = *checkpoint.replay;
  CDC_RETURN_IF_ERROR(
      PutReplay(task_id, checkpoint.channel, kOthers, replay.others, replay.others_position));
  for (const auto& [collection, applied] : replay.collections) {
    CDC_RETURN_IF_ERROR(PutReplay(task_id, checkpoint.channel, collection, applied, MsgId{}));
  }
  return OkStatus();
}

Status SqliteProgress::PutReplay(const std::string& task_id,
                                 const std::string& channel,
                                 CollectionId collection,
                                 const ChannelCheckpoint::AppliedUntil& applied,
                                 const MsgId& position) {
  return put_replay_.BindText(0, task_id)
      .BindText(1, channel)
      .Bind(2, collection.value)
      .Bind(3, ToStored(applied.ts))
      .Bind(4, ToStored(applied.horizon))
      .BindBlob(5, position.bytes)
      .Execute();
}

Status SqliteProgress::LoadReplay(const std::string& task_id, ChannelCheckpoint* checkpoint) {
  load_replay_.BindText(0, task_id).BindText(1, checkpoint->channel);
  for (;;) {
    CDC_ASSIGN_OR_RETURN(const bool row, load_replay_.Step());
    if (!row) {
      return OkStatus();
    }
    if (!checkpoint->replay.has_value()) {
      checkpoint->replay.emplace();
    }
    const CollectionId collection{load_replay_.Int(0)};
    const ChannelCheckpoint::AppliedUntil applied{.ts = FromStored(load_replay_.Int(1)),
                                                  .horizon = FromStored(load_replay_.Int(2))};
    if (collection == kOthers) {
      checkpoint->replay->others = applied;
      checkpoint->replay->others_position = MsgId{load_replay_.Blob(3)};
    } else {
      checkpoint->replay->collections[collection] = applied;
    }
  }
}

Result<std::vector<ChannelCheckpoint>> SqliteProgress::LoadCheckpoints(const std::string& task_id) {
  std::vector<ChannelCheckpoint> checkpoints;
  load_checkpoints_.BindText(0, task_id);
  for (;;) {
    CDC_ASSIGN_OR_RETURN(const bool row, load_checkpoints_.Step());
    if (!row) {
      break;
    }
    ChannelCheckpoint checkpoint{.channel = load_checkpoints_.Text(0),
                                 .position = MsgId{load_checkpoints_.Blob(1)},
                                 .ts = FromStored(load_checkpoints_.Int(2)),
                                 .applied = {},
                                 .horizon = FromStored(load_checkpoints_.Int(4))};
    if (!DecodeMsgIds(load_checkpoints_.Blob(3), &checkpoint.applied)) {
      load_checkpoints_.Reset();
      return load_checkpoints_.Damaged("the checkpoint of task " + task_id + ", channel " +
                                       checkpoint.channel + " is damaged");
    }
    checkpoints.push_back(std::move(checkpoint));
  }
  for (ChannelCheckpoint& checkpoint : checkpoints) {
    CDC_RETURN_IF_ERROR(LoadReplay(task_id, &checkpoint));
  }
  return checkpoints;
}

Status SqliteProgress::RemoveCheckpoints(const std::string& task_id) {
  for (sqlite::Statement& statement : remove_checkpoints_) {
    CDC_RETURN_IF_ERROR(statement.BindText(0, task_id).Execute());
  }
  return OkStatus();
}

Status SqliteProgress::PutDatabase(const std::string& task_id, const std::string& name) {
  return put_database_.BindText(0, task_id).BindText(1, name).Execute();
}

Status SqliteProgress::RemoveDatabase(const std::string& task_id, const std::string& name) {
  return remove_database_.BindText(0, task_id).BindText(1, name).Execute();
}

Result<std::vector<std::string>> SqliteProgress::LoadDatabases(const std::string& task_id) {
  std::vector<std::string> names;
  load_databases_.BindText(0, task_id);
  for (;;) {
    CDC_ASSIGN_OR_RETURN(const bool row, load_databases_.Step());
    if (!row) {
      return names;
    }
    names.push_back(load_databases_.Text(0));
  }
}

Status SqliteProgress::PutSource(const std::string& task_id, const std::string& identity) {
  return put_source_.BindText(0, task_id).BindText(1, identity).Execute();
}

Result<std::string> SqliteProgress::LoadSource(const std::string& task_id) {
  CDC_ASSIGN_OR_RETURN(const bool found, load_source_.BindText(0, task_id).Step());
  if (!found) {
    return std::string();
  }
  std::string identity = load_source_.Text(0);
  load_source_.Reset();
  return identity;
}

Status SqliteProgress::RemoveAll(const std::string& task_id) {
  CDC_RETURN_IF_ERROR(RemoveCheckpoints(task_id));
  for (sqlite::Statement& statement : remove_all_) {
    CDC_RETURN_IF_ERROR(statement.BindText(0, task_id).Execute());
  }
  return OkStatus();
}

}  // namespace cdc
