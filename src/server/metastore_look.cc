#include "server/metastore_look.h"

#include <memory>

#include "cli/view/format.h"
#include "metastore/etcd/etcd_check.h"
#include "metastore/etcd/etcd_legacy.h"
#include "metastore/mysql/mysql_check.h"
#include "metastore/mysql/mysql_connection.h"
#include "metastore/mysql/mysql_legacy.h"
#include "metastore/mysql/mysql_meta_store.h"
#include "metastore/portable/store_content.h"
#include "metastore/sealed/sealed_store.h"
#include "metastore/sqlite/sqlite_check.h"
#include "server/etcd_options.h"
#include "server/open_meta_store.h"

namespace cdc {
namespace {

Result<StoreCheck> CheckStore(const MetaStoreConfig& store) {
  switch (store.type) {
    case MetaStoreConfig::Type::kEtcd:
      return CheckEtcdStore(EtcdOptionsOf(store.etcd), store.root_path);
    case MetaStoreConfig::Type::kMysql: return CheckMysqlStore(store.mysql, store.root_path);
    case MetaStoreConfig::Type::kSqlite: break;
  }
  return CheckSqliteStore(store.sqlite_path);
}

std::string Line(const std::string& name, const std::string& text) {
  constexpr size_t kColumn = 14;
  return "  " + name + std::string(kColumn - name.size(), ' ') + cli::Printable(text) + "\n";
}

std::string DescribeLegacy(const StoreCheck& check) {
  const LegacyFound& legacy = check.legacy;
  std::string text = std::to_string(legacy.tasks.size()) + " tasks, " +
                     std::to_string(legacy.positions.size()) + " positions of an earlier program: ";
  if (!check.version) {
    return Line("old records", text + "the first start here takes them over");
  }
  if (legacy.not_here.empty()) {
    const char* const may_go =
        check.damaged.empty() ? "; `milvus-cdc metastore forget-legacy` removes these records" : "";
    return Line("old records", text + "all its tasks are taken over" + may_go);
  }
  text = Line("old records", text + std::to_string(legacy.tasks.size() - legacy.not_here.size()) +
                                 " of its tasks are taken over");
  for (const std::string& task : legacy.not_here) {
    text += Line("", "not here: " + task + ", deleted since or never taken over");
  }
  return text;
}

}  // namespace

Result<StoreCheck> CheckConfiguredStore(const Config& config) {
  CDC_ASSIGN_OR_RETURN(const SecretKeys keys, ReadStoreKeys(config.meta_store));
  CDC_ASSIGN_OR_RETURN(StoreCheck check, CheckStore(config.meta_store));
  for (const TaskRecord& task : check.readable) {
    if (const Status read = CheckSecrets(task, keys); !read.ok()) {
      check.damaged.push_back({.key = "task " + task.spec.id,
                               .why = read.message(),
                               .cure = "put its key into the file of metaStoreConfig.keyFile, or "
                                       "delete the task and create it again"});
    }
  }
  if (!check.version && check.legacy.empty() && check.damaged.empty()) {
    return NotFoundError("there is no metastore in " + check.place + ": check metaStoreConfig");
  }
  return check;
}

std::string DescribeCheck(const StoreCheck& check) {
  std::string text = "metastore " + cli::Printable(check.place) + "\n";
  text +=
      Line("version", check.version ? std::to_string(*check.version) : "no store has begun yet");
  text += Line("owner", check.holder.empty() ? "none, no server uses it" : check.holder);
  text += Line("content", Describe(ContentCounts{.tasks = check.tasks.size(),
                                                 .checkpoints = check.checkpoints,
                                                 .collections = check.collections,
                                                 .copies = check.copies,
                                                 .aside = check.aside}));
  for (const auto& [task, records] : check.orphans) {
    text += Line("of no task", std::to_string(records) + " records of " + task +
                                   ", whose create was interrupted; the next start removes them");
  }
  if (!check.legacy.empty()) {
    text += DescribeLegacy(check);
  }
  text +=
      Line("damaged",
           check.damaged.empty() ? "nothing" : std::to_string(check.damaged.size()) + " records");
  for (const DamagedRecord& record : check.damaged) {
    text += Line("", record.key + ": " + record.why);
    text += Line("", "  cure: " + record.cure);
  }
  return text;
}

Result<size_t> RemoveLegacyRecords(const Config& config, const LegacyFound& checked) {
  const MetaStoreConfig& store = config.meta_store;
  switch (store.type) {
    case MetaStoreConfig::Type::kEtcd:
      return etcd_legacy::Remove(EtcdOptionsOf(store.etcd), store.root_path, checked);
    case MetaStoreConfig::Type::kMysql: {
      MysqlConnection connection(store.mysql);
      return mysql_legacy::Remove(&connection, MysqlStoreRoot(store.root_path), checked);
    }
    case MetaStoreConfig::Type::kSqlite: break;
  }
  return size_t{0};  // that program never had a file
}

}  // namespace cdc
