#include "metastore/sqlite/sqlite_tasks.h"

#include <cstdint>
#include <utility>

#include "metastore/task_spec_json.h"

namespace cdc {

Status SqliteTasks::Prepare(sqlite::Database* database) {
  return database->Prepare(
      {{&put_, "INSERT OR REPLACE INTO tasks(id, spec, state, reason) VALUES(?, ?, ?, ?)"},
       {&list_, "SELECT id, spec, state, reason FROM tasks ORDER BY id"},
       {&find_, "SELECT id, spec, state, reason FROM tasks WHERE id = ?"},
       {&remove_, "DELETE FROM tasks WHERE id = ?"}});
}

Status SqliteTasks::Put(const TaskRecord& task) {
  return put_.BindText(0, task.spec.id)
      .BindText(1, EncodeTaskSpec(task.spec))
      .Bind(2, static_cast<int64_t>(task.state))
      .BindText(3, task.reason)
      .Execute();
}

Result<std::vector<TaskRecord>> SqliteTasks::List() {
  std::vector<TaskRecord> records;
  for (;;) {
    CDC_ASSIGN_OR_RETURN(const bool row, list_.Step());
    if (!row) {
      return records;
    }
    Result<TaskRecord> record = Read(list_);
    if (!record.ok()) {
      // A statement left open holds a read transaction, which keeps the WAL from being reset.
      list_.Reset();
      return record.status();
    }
    records.push_back(*std::move(record));
  }
}

Result<TaskRecord> SqliteTasks::Find(const std::string& id) {
  CDC_ASSIGN_OR_RETURN(const bool row, find_.BindText(0, id).Step());
  if (!row) {
    return NotFoundError("there is no task " + id);
  }
  Result<TaskRecord> record = Read(find_);
  find_.Reset();
  return record;
}

Result<TaskRecord> SqliteTasks::Read(const sqlite::Statement& row) {
  const std::string id = row.Text(0);
  Result<TaskSpec> spec = DecodeTaskSpec(id, row.Text(1));
  if (!spec.ok()) {
    return row.Damaged(spec.status().message());
  }
  const int64_t state = row.Int(2);
  if (state < static_cast<int64_t>(TaskState::kInitial) ||
      state > static_cast<int64_t>(TaskState::kPaused)) {
    return row.Damaged("task " + id + " is damaged: state " + std::to_string(state));
  }
  return TaskRecord{*std::move(spec), static_cast<TaskState>(state), row.Text(3)};
}

Status SqliteTasks::Remove(const std::string& id) { return remove_.BindText(0, id).Execute(); }

}  // namespace cdc
