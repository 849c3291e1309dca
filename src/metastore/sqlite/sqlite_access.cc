#include "metastore/sqlite/sqlite_access.h"

#include <cstdint>
#include <utility>

namespace cdc {
namespace {

Status ExecuteFor(sqlite::Statement* statement,
                  const std::string& task_id,
                  const AccessItem& item) {
  return statement->BindText(0, task_id)
      .Bind(1, static_cast<int64_t>(item.kind))
      .BindText(2, item.user)
      .BindText(3, item.role)
      .BindText(4, item.object_type)
      .BindText(5, item.database)
      .BindText(6, item.object)
      .BindText(7, item.privilege)
      .Execute();
}

}  // namespace

Status SqliteAccess::Prepare(sqlite::Database* database) {
  return database->Prepare(
      {{&put_,
        "INSERT OR REPLACE INTO access_items(task_id, kind, user, role, object_type, database, "
        "object, privilege) VALUES(?, ?, ?, ?, ?, ?, ?, ?)"},
       {&load_,
        "SELECT kind, user, role, object_type, database, object, privilege FROM access_items "
        "WHERE task_id = ?"},
       {&remove_,
        "DELETE FROM access_items WHERE task_id = ? AND kind = ? AND user = ? AND role = ? AND "
        "object_type = ? AND database = ? AND object = ? AND privilege = ?"},
       {&remove_all_, "DELETE FROM access_items WHERE task_id = ?"}});
}

Status SqliteAccess::Put(const std::string& task_id, const AccessSet& items) {
  for (const AccessItem& item : items) {
    CDC_RETURN_IF_ERROR(ExecuteFor(&put_, task_id, item));
  }
  return OkStatus();
}

Result<AccessSet> SqliteAccess::Load(const std::string& task_id) {
  AccessSet items;
  load_.BindText(0, task_id);
  for (;;) {
    CDC_ASSIGN_OR_RETURN(const bool row, load_.Step());
    if (!row) {
      return items;
    }
    const int64_t kind = load_.Int(0);
    if (kind < 0 || kind > static_cast<int64_t>(AccessItem::Kind::kUserRole)) {
      return load_.Damaged("unknown kind of access item: " + std::to_string(kind));
    }
    items.insert(AccessItem{.kind = static_cast<AccessItem::Kind>(kind),
                            .user = load_.Text(1),
                            .role = load_.Text(2),
                            .object_type = load_.Text(3),
                            .database = load_.Text(4),
                            .object = load_.Text(5),
                            .privilege = load_.Text(6)});
  }
}

Status SqliteAccess::Remove(const std::string& task_id, const AccessSet& items) {
  for (const AccessItem& item : items) {
    CDC_RETURN_IF_ERROR(ExecuteFor(&remove_, task_id, item));
  }
  return OkStatus();
}

Status SqliteAccess::RemoveAll(const std::string& task_id) {
  return remove_all_.BindText(0, task_id).Execute();
}

}  // namespace cdc
