#include "metastore/mysql/mysql_meta_store.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "metastore/legacy/legacy_records.h"
#include "metastore/mysql/mysql_connection.h"
#include "metastore/mysql/mysql_owner.h"
#include "metastore/mysql/mysql_record_store.h"
#include "metastore/mysql/mysql_tables.h"
#include "metastore/records/record_meta_store.h"

namespace cdc {
namespace {

constexpr size_t kMaxRootBytes = 255;  // of the column

std::string WithoutSlashes(std::string root) {
  while (!root.empty() && root.back() == '/') {
    root.pop_back();
  }
  return root;
}

// Rows of a table of the earlier program whose keys, in the first column, begin with `prefix`. No
// rows if there is no such table.
Result<MysqlResult> ReadLegacyTable(MysqlConnection* connection,
                                    const std::string& table,
                                    const std::string& columns,
                                    const std::string& prefix) {
  CDC_RETURN_IF_ERROR(connection->Open());
  const std::string key = table + "_key";
  Result<MysqlResult> found = connection->Execute(
      "SELECT " + key + ", " + columns + " FROM " + table + " WHERE LEFT(CAST(" + key +
      " AS BINARY), " + std::to_string(prefix.size()) + ") = " + MysqlLiteral(prefix));
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

// What the earlier program has under the same root path; its tables stay as they are.
Result<InitialContent> ReadLegacy(const MysqlMetaStoreOptions& options) {
  MysqlConnection connection(options.mysql);
  const std::string root = options.root_path.empty() ? "" : options.root_path + "/";
  LegacyRecords records;
  CDC_ASSIGN_OR_RETURN(
      const MysqlResult tasks,
      ReadLegacyTable(&connection, "task_info", "task_info_value", root + "task_info/"));
  for (const std::vector<std::string>& row : tasks.rows) {
    records.tasks[row.at(0)] = row.at(1);
  }
  CDC_ASSIGN_OR_RETURN(const MysqlResult positions,
                       ReadLegacyTable(&connection, "task_position",
                                       "task_id, collection_id, collection_name, "
                                       "task_position_value",
                                       root + "task_position/"));
  for (const std::vector<std::string>& row : positions.rows) {
    records.positions[row.at(0)] = PositionRecord(row);
  }
  return TakeOverLegacy(records, connection.Place() + " " + root, *options.clock);
}

}  // namespace

Result<std::unique_ptr<MetaStore>> OpenMysqlMetaStore(MysqlMetaStoreOptions options,
                                                      const std::stop_token& stop) {
  options.root_path = WithoutSlashes(std::move(options.root_path));
  if (options.root_path.size() > kMaxRootBytes) {
    return InvalidArgumentError("metaStoreConfig.rootPath is longer than " +
                                std::to_string(kMaxRootBytes) + " bytes");
  }
  MysqlConnection connection(options.mysql);
  const std::string place =
      "mysql " + connection.Place() + (options.root_path.empty() ? "" : " " + options.root_path);
  const std::string context = "metastore " + place;
  if (options.if_new != NewStore::kRefuse) {
    CDC_RETURN_IF_ERROR(mysql_tables::Create(&connection).WithContext(context));
  }
  connection.Close();
  Result<std::unique_ptr<MysqlOwner>> owner = MysqlOwner::Become({.mysql = options.mysql,
                                                                  .root = options.root_path,
                                                                  .place = place,
                                                                  .name = options.name,
                                                                  .ttl = options.lease_ttl,
                                                                  .on_lost = options.on_lost},
                                                                 stop);
  CDC_RETURN_IF_ERROR(owner.status().WithContext(context));
  return OpenRecordMetaStore(
      std::make_unique<MysqlRecordStore>(options.mysql, *std::move(owner), options.root_path,
                                         place),
      InitialContentOf(options.if_new, place, [&options, &context]() -> Result<InitialContent> {
        Result<InitialContent> content = ReadLegacy(options);
        CDC_RETURN_IF_ERROR(content.status().WithContext(context));
        return content;
      }));
}

}  // namespace cdc
