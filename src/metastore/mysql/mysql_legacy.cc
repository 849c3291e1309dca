#include "metastore/mysql/mysql_legacy.h"

#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "metastore/legacy/legacy_check.h"

namespace cdc::mysql_legacy {
namespace {

constexpr const char* kTaskInfo = "task_info";
constexpr const char* kTaskPosition = "task_position";

std::string PrefixOf(const std::string& root_path, const std::string& table) {
  return (root_path.empty() ? "" : root_path + "/") + table + "/";
}

// The rows whose keys begin with `prefix`; compared as bytes, whatever the collation.
std::string WhereBelow(const std::string& table, const std::string& prefix) {
  return " WHERE LEFT(CAST(" + table + "_key AS BINARY), " + std::to_string(prefix.size()) +
         ") = " + MysqlLiteral(prefix);
}

// Which of the tables of the earlier program there are.
Result<std::vector<std::string>> FindTables(MysqlConnection* connection) {
  std::vector<std::string> tables;
  for (const char* table : {kTaskInfo, kTaskPosition}) {
    CDC_RETURN_IF_ERROR(connection->Open());
    const Status found =
        connection->Execute("SELECT 1 FROM " + std::string(table) + " LIMIT 0").status();
    if (found.ok()) {
      tables.emplace_back(table);
    } else if (found.code() != StatusCode::kNotFound) {
      return found;
    }
  }
  return tables;
}

// One of that program's records from the columns it is divided into. A column that is empty or NULL
// is a map that was never filled.
std::string PositionRecord(const std::vector<std::string>& row) {
  const std::string& id = row.at(2);
  const std::string& positions = row.at(4);
  return R"({"TaskID":)" + nlohmann::json(row.at(1)).dump() + R"(,"CollectionID":)" +
         (id.empty() ? "null" : id) + R"(,"CollectionName":)" + nlohmann::json(row.at(3)).dump() +
         R"(,"Positions":)" + (positions.empty() ? "null" : positions) + "}";
}

// `lock`: "" or " FOR UPDATE".
Result<LegacyRecords> ReadTables(MysqlConnection* connection,
                                 const std::vector<std::string>& tables,
                                 const std::string& root_path,
                                 const std::string& lock) {
  LegacyRecords records;
  for (const std::string& table : tables) {
    const bool of_tasks = table == kTaskInfo;
    CDC_ASSIGN_OR_RETURN(
        const MysqlResult found,
        connection->Execute(
            "SELECT " + table + "_key, " +
            (of_tasks ? "task_info_value"
                      : "task_id, collection_id, collection_name, task_position_value") +
            " FROM " + table + WhereBelow(table, PrefixOf(root_path, table)) + lock));
    for (const std::vector<std::string>& row : found.rows) {
      (of_tasks ? records.tasks : records.positions)[row.at(0)] =
          of_tasks ? row.at(1) : PositionRecord(row);
    }
  }
  return records;
}

// In a transaction.
Result<size_t> RemoveIn(MysqlConnection* connection,
                        const std::vector<std::string>& tables,
                        const std::string& root_path,
                        const LegacyFound& checked) {
  CDC_ASSIGN_OR_RETURN(const LegacyRecords records,
                       ReadTables(connection, tables, root_path, " FOR UPDATE"));
  CDC_RETURN_IF_ERROR(CheckUnchanged(records, checked));
  size_t rows = 0;
  for (const std::string& table : tables) {
    CDC_ASSIGN_OR_RETURN(const MysqlResult removed,
                         connection->Execute("DELETE FROM " + table +
                                             WhereBelow(table, PrefixOf(root_path, table))));
    rows += removed.affected;
  }
  return rows;
}

}  // namespace

Result<LegacyRecords> Read(MysqlConnection* connection, const std::string& root_path) {
  CDC_ASSIGN_OR_RETURN(const std::vector<std::string> tables, FindTables(connection));
  CDC_RETURN_IF_ERROR(connection->Open());
  return ReadTables(connection, tables, root_path, "");
}

Result<size_t> Remove(MysqlConnection* connection,
                      const std::string& root_path,
                      const LegacyFound& checked) {
  // Outside of the transaction: an error would end it.
  CDC_ASSIGN_OR_RETURN(const std::vector<std::string> tables, FindTables(connection));
  CDC_RETURN_IF_ERROR(connection->Open());
  // So that no row comes between those that are compared.
  CDC_RETURN_IF_ERROR(connection->Execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE").status());
  CDC_RETURN_IF_ERROR(connection->Execute("START TRANSACTION").status());
  Result<size_t> removed = RemoveIn(connection, tables, root_path, checked);
  const Status ended = connection->Execute(removed.ok() ? "COMMIT" : "ROLLBACK").status();
  return removed.ok() && !ended.ok() ? Result<size_t>(ended) : removed;
}

}  // namespace cdc::mysql_legacy
