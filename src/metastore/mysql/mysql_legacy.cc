#include "metastore/mysql/mysql_legacy.h"

#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace cdc::mysql_legacy {
namespace {

constexpr const char* kTaskInfo = "task_info";
constexpr const char* kTaskPosition = "task_position";

std::string PrefixOf(const std::string& root_path, const char* table) {
  return (root_path.empty() ? "" : root_path + "/") + table + "/";
}

// The rows whose keys begin with `prefix`; compared as bytes, whatever the collation.
std::string WhereBelow(const std::string& table, const std::string& prefix) {
  return " WHERE LEFT(CAST(" + table + "_key AS BINARY), " + std::to_string(prefix.size()) +
         ") = " + MysqlLiteral(prefix);
}

// Rows of a table of the earlier program whose keys, in the first column, begin with `prefix`. No
// rows if there is no such table.
Result<MysqlResult> ReadTable(MysqlConnection* connection,
                              const std::string& table,
                              const std::string& columns,
                              const std::string& prefix) {
  CDC_RETURN_IF_ERROR(connection->Open());
  const std::string key = table + "_key";
  Result<MysqlResult> found = connection->Execute("SELECT " + key + ", " + columns + " FROM " +
                                                  table + WhereBelow(table, prefix));
  return found.status().code() == StatusCode::kNotFound ? Result<MysqlResult>(MysqlResult{})
                                                        : found;
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

}  // namespace

Result<LegacyRecords> Read(MysqlConnection* connection, const std::string& root_path) {
  LegacyRecords records;
  CDC_ASSIGN_OR_RETURN(const MysqlResult tasks, ReadTable(connection, kTaskInfo, "task_info_value",
                                                          PrefixOf(root_path, kTaskInfo)));
  for (const std::vector<std::string>& row : tasks.rows) {
    records.tasks[row.at(0)] = row.at(1);
  }
  CDC_ASSIGN_OR_RETURN(const MysqlResult positions,
                       ReadTable(connection, kTaskPosition,
                                 "task_id, collection_id, collection_name, task_position_value",
                                 PrefixOf(root_path, kTaskPosition)));
  for (const std::vector<std::string>& row : positions.rows) {
    records.positions[row.at(0)] = PositionRecord(row);
  }
  return records;
}

Result<size_t> Remove(MysqlConnection* connection, const std::string& root_path) {
  // Which of the tables there are, outside of the transaction: an error would end it.
  std::vector<const char*> tables;
  for (const char* table : {kTaskInfo, kTaskPosition}) {
    CDC_RETURN_IF_ERROR(connection->Open());
    const Status found =
        connection->Execute("SELECT 1 FROM " + std::string(table) + " LIMIT 0").status();
    if (found.ok()) {
      tables.push_back(table);
    } else if (found.code() != StatusCode::kNotFound) {
      return found;
    }
  }
  size_t rows = 0;
  CDC_RETURN_IF_ERROR(connection->Open());
  CDC_RETURN_IF_ERROR(connection->Execute("START TRANSACTION").status());
  for (const char* table : tables) {
    CDC_ASSIGN_OR_RETURN(const MysqlResult removed,
                         connection->Execute("DELETE FROM " + std::string(table) +
                                             WhereBelow(table, PrefixOf(root_path, table))));
    rows += removed.affected;
  }
  CDC_RETURN_IF_ERROR(connection->Execute("COMMIT").status());
  return rows;
}

}  // namespace cdc::mysql_legacy
