#include "metastore/sqlite/sqlite_aside.h"

#include <utility>

#include "metastore/sqlite/sqlite_timestamp.h"

namespace cdc {

Status SqliteAside::Prepare(sqlite::Database* database) {
  return database->Prepare(
      {{&put_,
        "INSERT OR REPLACE INTO aside(task_id, collection_id, source_database, source_name, "
        "reason, since) VALUES(?, ?, ?, ?, ?, ?)"},
       {&put_place_,
        "INSERT OR REPLACE INTO aside_places(task_id, collection_id, channel, position, ts) "
        "VALUES(?, ?, ?, ?, ?)"},
       {&load_,
        "SELECT collection_id, source_database, source_name, reason, since FROM aside "
        "WHERE task_id = ? ORDER BY collection_id"},
       {&load_places_,
        "SELECT channel, position, ts FROM aside_places WHERE task_id = ? AND collection_id = ?"},
       {&remove_[0], "DELETE FROM aside WHERE task_id = ? AND collection_id = ?"},
       {&remove_[1], "DELETE FROM aside_places WHERE task_id = ? AND collection_id = ?"},
       {&remove_all_[0], "DELETE FROM aside WHERE task_id = ?"},
       {&remove_all_[1], "DELETE FROM aside_places WHERE task_id = ?"}});
}

Status SqliteAside::Put(const std::string& task_id, const AsideCollection& aside) {
  const int64_t id = aside.collection.value;
  CDC_RETURN_IF_ERROR(put_.BindText(0, task_id)
                          .Bind(1, id)
                          .BindText(2, aside.name.database)
                          .BindText(3, aside.name.collection)
                          .BindText(4, aside.reason)
                          .Bind(5, aside.since_unix_ms)
                          .Execute());
  for (const auto& [channel, place] : aside.left_at) {
    CDC_RETURN_IF_ERROR(put_place_.BindText(0, task_id)
                            .Bind(1, id)
                            .BindText(2, channel)
                            .BindBlob(3, place.position.bytes)
                            .Bind(4, ToStored(place.ts))
                            .Execute());
  }
  return OkStatus();
}

Result<std::vector<AsideCollection>> SqliteAside::Load(const std::string& task_id) {
  std::vector<AsideCollection> collections;
  load_.BindText(0, task_id);
  for (;;) {
    CDC_ASSIGN_OR_RETURN(const bool row, load_.Step());
    if (!row) {
      break;
    }
    collections.push_back({.collection = {load_.Int(0)},
                           .name = {load_.Text(1), load_.Text(2)},
                           .reason = load_.Text(3),
                           .since_unix_ms = load_.Int(4),
                           .left_at = {}});
  }
  for (AsideCollection& aside : collections) {
    load_places_.BindText(0, task_id).Bind(1, aside.collection.value);
    for (;;) {
      CDC_ASSIGN_OR_RETURN(const bool row, load_places_.Step());
      if (!row) {
        break;
      }
      aside.left_at[load_places_.Text(0)] = {.position = MsgId{load_places_.Blob(1)},
                                             .ts = FromStored(load_places_.Int(2))};
    }
  }
  return collections;
}

Status SqliteAside::Remove(const std::string& task_id, CollectionId id) {
  for (sqlite::Statement& statement : remove_) {
    CDC_RETURN_IF_ERROR(statement.BindText(0, task_id).Bind(1, id.value).Execute());
  }
  return OkStatus();
}

Status SqliteAside::RemoveAll(const std::string& task_id) {
  for (sqlite::Statement& statement : remove_all_) {
    CDC_RETURN_IF_ERROR(statement.BindText(0, task_id).Execute());
  }
  return OkStatus();
}

}  // namespace cdc
