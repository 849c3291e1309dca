#include "metastore/mysql/mysql_meta_store.h"

#include <utility>

#include "metastore/legacy/legacy_records.h"
#include "metastore/mysql/mysql_connection.h"
#include "metastore/mysql/mysql_legacy.h"
#include "metastore/mysql/mysql_owner.h"
#include "metastore/mysql/mysql_record_store.h"
#include "metastore/mysql/mysql_tables.h"
#include "metastore/records/record_meta_store.h"

namespace cdc {
namespace {

constexpr size_t kMaxRootBytes = 255;  // of the column

// What the earlier program has under the same root path; its tables stay as they are.
Result<InitialContent> ReadInitial(const MysqlMetaStoreOptions& options) {
  MysqlConnection connection(options.mysql);
  CDC_ASSIGN_OR_RETURN(const LegacyRecords records,
                       mysql_legacy::Read(&connection, options.root_path));
  const std::string root = options.root_path.empty() ? "" : options.root_path + "/";
  return TakeOverLegacy(records, connection.Place() + " " + root, *options.clock);
}

}  // namespace

std::string MysqlStoreRoot(std::string root) {
  while (!root.empty() && root.back() == '/') {
    root.pop_back();
  }
  return root;
}

std::string MysqlPlaceOf(const MysqlConnection& connection, const std::string& root) {
  return "mysql " + connection.Place() + (root.empty() ? "" : " " + root);
}

Result<std::unique_ptr<MetaStore>> OpenMysqlMetaStore(MysqlMetaStoreOptions options,
                                                      const std::stop_token& stop) {
  options.root_path = MysqlStoreRoot(std::move(options.root_path));
  if (options.root_path.size() > kMaxRootBytes) {
    return InvalidArgumentError("metaStoreConfig.rootPath is longer than " +
                                std::to_string(kMaxRootBytes) + " bytes");
  }
  MysqlConnection connection(options.mysql);
  const std::string place = MysqlPlaceOf(connection, options.root_path);
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
        Result<InitialContent> content = ReadInitial(options);
        CDC_RETURN_IF_ERROR(content.status().WithContext(context));
        return content;
      }));
}

}  // namespace cdc
