#include "metastore/sqlite/sqlite_collections.h"

#include <cstdint>
#include <utility>

#include "metastore/sqlite/sqlite_timestamp.h"

namespace cdc {

Status SqliteCollections::Prepare(sqlite::Database* database) {
  return database->Prepare(
      {{&put_,
        "INSERT INTO collections(task_id, id, source_database, source_name, target_database, "
        "target_name, created, on_target, renamed_from_database, renamed_from_name, "
        "may_hold_until, seen_on_target) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
       {&put_channel_,
        "INSERT INTO collection_channels(task_id, collection_id, ordinal, channel) "
        "VALUES(?, ?, ?, ?)"},
       {&put_skip_,
        "INSERT INTO collection_skips(task_id, collection_id, channel, position) "
        "VALUES(?, ?, ?, ?)"},
       {&put_partition_,
        "INSERT INTO collection_partitions(task_id, collection_id, id, name) VALUES(?, ?, ?, ?)"},
       {&load_,
        "SELECT id, source_database, source_name, target_database, target_name, created, "
        "on_target, renamed_from_database, renamed_from_name, may_hold_until, seen_on_target "
        "FROM collections WHERE task_id = ? ORDER BY id"},
       {&load_channels_,
        "SELECT channel FROM collection_channels WHERE task_id = ? AND collection_id = ? "
        "ORDER BY ordinal"},
       {&load_skips_,
        "SELECT channel, position FROM collection_skips WHERE task_id = ? AND collection_id = ?"},
       {&load_partitions_,
        "SELECT id, name FROM collection_partitions WHERE task_id = ? AND collection_id = ?"},
       {&remove_[0], "DELETE FROM collections WHERE task_id = ? AND id = ?"},
       {&remove_[1], "DELETE FROM collection_channels WHERE task_id = ? AND collection_id = ?"},
       {&remove_[2], "DELETE FROM collection_skips WHERE task_id = ? AND collection_id = ?"},
       {&remove_[3], "DELETE FROM collection_partitions WHERE task_id = ? AND collection_id = ?"},
       {&remove_all_[0], "DELETE FROM collections WHERE task_id = ?"},
       {&remove_all_[1], "DELETE FROM collection_channels WHERE task_id = ?"},
       {&remove_all_[2], "DELETE FROM collection_skips WHERE task_id = ?"},
       {&remove_all_[3], "DELETE FROM collection_partitions WHERE task_id = ?"}});
}

Status SqliteCollections::Put(const std::string& task_id, const ReplicatedCollection& collection) {
  // Its channels, skips and partitions may have become fewer.
  CDC_RETURN_IF_ERROR(Remove(task_id, collection.id));
  const CollectionName renamed_from = collection.renamed_from.value_or(CollectionName());
  CDC_RETURN_IF_ERROR(put_.BindText(0, task_id)
                          .Bind(1, collection.id.value)
                          .BindText(2, collection.source.database)
                          .BindText(3, collection.source.collection)
                          .BindText(4, collection.target.database)
                          .BindText(5, collection.target.collection)
                          .Bind(6, ToStored(collection.created))
                          .Bind(7, collection.on_target ? 1 : 0)
                          .BindText(8, renamed_from.database)
                          .BindText(9, renamed_from.collection)
                          .Bind(10, ToStored(collection.may_hold_until))
                          .Bind(11, collection.seen_on_target ? 1 : 0)
                          .Execute());
  for (size_t i = 0; i < collection.pchannels.size(); ++i) {
    CDC_RETURN_IF_ERROR(put_channel_.BindText(0, task_id)
                            .Bind(1, collection.id.value)
                            .Bind(2, static_cast<int64_t>(i))
                            .BindText(3, collection.pchannels[i])
                            .Execute());
  }
  for (const auto& [channel, position] : collection.skip_until) {
    CDC_RETURN_IF_ERROR(put_skip_.BindText(0, task_id)
                            .Bind(1, collection.id.value)
                            .BindText(2, channel)
                            .BindBlob(3, position.bytes)
                            .Execute());
  }
  for (const auto& [partition, name] : collection.partitions) {
    CDC_RETURN_IF_ERROR(put_partition_.BindText(0, task_id)
                            .Bind(1, collection.id.value)
                            .Bind(2, partition.value)
                            .BindText(3, name)
                            .Execute());
  }
  return OkStatus();
}

Result<std::vector<ReplicatedCollection>> SqliteCollections::Load(const std::string& task_id) {
  std::vector<ReplicatedCollection> collections;
  load_.BindText(0, task_id);
  for (;;) {
    CDC_ASSIGN_OR_RETURN(const bool row, load_.Step());
    if (!row) {
      break;
    }
    ReplicatedCollection collection;
    collection.id = {load_.Int(0)};
    collection.source = {load_.Text(1), load_.Text(2)};
    collection.target = {load_.Text(3), load_.Text(4)};
    collection.created = FromStored(load_.Int(5));
    collection.on_target = load_.Int(6) != 0;
    if (const CollectionName from{load_.Text(7), load_.Text(8)}; from != CollectionName()) {
      collection.renamed_from = from;
    }
    collection.may_hold_until = FromStored(load_.Int(9));
    collection.seen_on_target = load_.Int(10) != 0;
    collections.push_back(std::move(collection));
  }
  for (ReplicatedCollection& collection : collections) {
    CDC_RETURN_IF_ERROR(LoadParts(task_id, &collection));
  }
  return collections;
}

Status SqliteCollections::LoadParts(const std::string& task_id, ReplicatedCollection* collection) {
  load_channels_.BindText(0, task_id).Bind(1, collection->id.value);
  for (;;) {
    CDC_ASSIGN_OR_RETURN(const bool row, load_channels_.Step());
    if (!row) {
      break;
    }
    collection->pchannels.push_back(load_channels_.Text(0));
  }
  load_skips_.BindText(0, task_id).Bind(1, collection->id.value);
  for (;;) {
    CDC_ASSIGN_OR_RETURN(const bool row, load_skips_.Step());
    if (!row) {
      break;
    }
    collection->skip_until[load_skips_.Text(0)] = MsgId{load_skips_.Blob(1)};
  }
  load_partitions_.BindText(0, task_id).Bind(1, collection->id.value);
  for (;;) {
    CDC_ASSIGN_OR_RETURN(const bool row, load_partitions_.Step());
    if (!row) {
      return OkStatus();
    }
    collection->partitions[{load_partitions_.Int(0)}] = load_partitions_.Text(1);
  }
}

Status SqliteCollections::Remove(const std::string& task_id, CollectionId id) {
  for (sqlite::Statement& statement : remove_) {
    CDC_RETURN_IF_ERROR(statement.BindText(0, task_id).Bind(1, id.value).Execute());
  }
  return OkStatus();
}

Status SqliteCollections::RemoveAll(const std::string& task_id) {
  for (sqlite::Statement& statement : remove_all_) {
    CDC_RETURN_IF_ERROR(statement.BindText(0, task_id).Execute());
  }
  return OkStatus();
}

}  // namespace cdc
