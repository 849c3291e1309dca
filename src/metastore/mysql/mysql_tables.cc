#include "metastore/mysql/mysql_tables.h"

#include <string>
#include <utility>

namespace cdc::mysql_tables {
namespace {

struct Table {
  const char* name;
  const char* columns;
};

constexpr Table kTables[] = {
    {kLease,
     "root VARBINARY(255) PRIMARY KEY, token BIGINT NOT NULL, holder VARBINARY(1024) NOT NULL, "
     "lease_until DATETIME(6) NOT NULL"},
    {kOwner, "root VARBINARY(255) PRIMARY KEY, token BIGINT NOT NULL"},
    {kRecord,
     "root VARBINARY(255) NOT NULL, record_key VARBINARY(2000) NOT NULL, part INT UNSIGNED NOT "
     "NULL, value MEDIUMBLOB NOT NULL, PRIMARY KEY (root, record_key, part)"}};

}  // namespace

Status Create(MysqlConnection* connection) {
  for (const Table& table : kTables) {
    CDC_RETURN_IF_ERROR(connection->Open());
    // Once they exist, nobody needs the permission to create tables.
    const Result<MysqlResult> found =
        connection->Execute("SELECT 1 FROM " + std::string(table.name) + " LIMIT 0");
    if (found.status().code() == StatusCode::kNotFound) {
      CDC_RETURN_IF_ERROR(connection->Open());
      CDC_RETURN_IF_ERROR(connection
                              ->Execute("CREATE TABLE IF NOT EXISTS " + std::string(table.name) +
                                        " (" + table.columns + ") ENGINE=InnoDB ROW_FORMAT=DYNAMIC")
                              .status());
      continue;
    }
    CDC_RETURN_IF_ERROR(found.status());
  }
  return OkStatus();
}

}  // namespace cdc::mysql_tables
