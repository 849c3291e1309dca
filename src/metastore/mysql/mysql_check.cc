#include "metastore/mysql/mysql_check.h"

#include <map>
#include <utility>
#include <vector>

#include "metastore/legacy/legacy_check.h"
#include "metastore/mysql/mysql_connection.h"
#include "metastore/mysql/mysql_legacy.h"
#include "metastore/mysql/mysql_meta_store.h"
#include "metastore/mysql/mysql_tables.h"
#include "metastore/records/record_check.h"

namespace cdc {
namespace {

using mysql_tables::kLease;
using mysql_tables::kRecord;

Result<std::string> ReadHolder(MysqlConnection* connection, const std::string& where) {
  CDC_RETURN_IF_ERROR(connection->Open());
  const Result<MysqlResult> found = connection->Execute(
      "SELECT holder FROM " + std::string(kLease) + where + " AND lease_until > UTC_TIMESTAMP(6)");
  if (found.status().code() == StatusCode::kNotFound) {
    return std::string();  // no server has been here
  }
  CDC_RETURN_IF_ERROR(found.status());
  if (found->rows.empty()) {
    return std::string();
  }
  const std::string& holder = found->rows[0].at(0);
  return holder.empty() ? "a server without a name" : holder;
}

// One statement reads of one moment.
Result<std::map<std::string, std::string>> ReadRecords(MysqlConnection* connection,
                                                       const std::string& where) {
  CDC_RETURN_IF_ERROR(connection->Open());
  const Result<MysqlResult> found =
      connection->Execute("SELECT record_key, value FROM " + std::string(kRecord) + where +
                          " ORDER BY record_key, part");
  std::map<std::string, std::string> records;
  if (found.status().code() == StatusCode::kNotFound) {
    return records;
  }
  CDC_RETURN_IF_ERROR(found.status());
  for (const std::vector<std::string>& row : found->rows) {
    records[row.at(0)] += row.at(1);
  }
  return records;
}

}  // namespace

Result<StoreCheck> CheckMysqlStore(const MysqlOptions& options, const std::string& root_path) {
  const std::string root = MysqlStoreRoot(root_path);
  MysqlConnection connection(options);
  StoreCheck check{.place = MysqlPlaceOf(connection, root)};
  const std::string context = "metastore " + check.place;
  const std::string where = " WHERE root = " + MysqlLiteral(root);
  Result<std::string> holder = ReadHolder(&connection, where);
  CDC_RETURN_IF_ERROR(holder.status().WithContext(context));
  check.holder = *std::move(holder);
  const auto records = ReadRecords(&connection, where);
  CDC_RETURN_IF_ERROR(records.status().WithContext(context));
  CDC_RETURN_IF_ERROR(CheckRecords(*records, &check));
  const Result<LegacyRecords> legacy = mysql_legacy::Read(&connection, root);
  CDC_RETURN_IF_ERROR(legacy.status().WithContext(context));
  CheckLegacy(*legacy, &check);
  return check;
}

}  // namespace cdc
