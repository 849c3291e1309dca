#include "server/open_meta_store.h"

#include <array>
#include <string>
#include <utility>

#include <unistd.h>

#include "metastore/etcd/etcd_meta_store.h"
#include "metastore/mysql/mysql_meta_store.h"
#include "metastore/sealed/sealed_store.h"
#include "metastore/sqlite/sqlite_meta_store.h"
#include "server/etcd_options.h"

namespace cdc {
namespace {

// For a person who looks for the server that holds the store.
std::string NameOfThisServer(const Config& config) {
  std::array<char, 256> host{};
  // If it fails, the rest of the name has to do.
  if (gethostname(host.data(), host.size() - 1) != 0) {
    host[0] = '\0';
  }
  return "the server " + std::string(host.data()) + ", process " + std::to_string(getpid()) +
         ", address " + config.address;
}

Result<std::unique_ptr<MetaStore>> OpenKind(const Config& config,
                                            std::function<void(const Status&)> on_lost,
                                            const std::stop_token& stop,
                                            NewStore if_new) {
  const MetaStoreConfig& store = config.meta_store;
  switch (store.type) {
    case MetaStoreConfig::Type::kEtcd:
      return OpenEtcdMetaStore({.etcd = EtcdOptionsOf(store.etcd),
                                .root_path = store.root_path,
                                .name = NameOfThisServer(config),
                                .if_new = if_new,
                                .on_lost = std::move(on_lost)},
                               stop);
    case MetaStoreConfig::Type::kMysql:
      return OpenMysqlMetaStore({.mysql = store.mysql,
                                 .root_path = store.root_path,
                                 .name = NameOfThisServer(config),
                                 .if_new = if_new,
                                 .on_lost = std::move(on_lost)},
                                stop);
    case MetaStoreConfig::Type::kSqlite: break;
  }
  return OpenSqliteMetaStore(store.sqlite_path);
}

}  // namespace

Result<SecretKeys> ReadStoreKeys(const MetaStoreConfig& store) {
  if (store.key_file.empty()) {
    return SecretKeys();
  }
  Result<SecretKeys> keys = SecretKeys::Read(store.key_file);
  CDC_RETURN_IF_ERROR(keys.status().WithContext("metaStoreConfig.keyFile"));
  return keys;
}

Result<std::unique_ptr<MetaStore>> OpenMetaStore(const Config& config,
                                                 std::function<void(const Status&)> on_lost,
                                                 const std::stop_token& stop,
                                                 NewStore if_new) {
  // Before the store is waited for.
  CDC_ASSIGN_OR_RETURN(SecretKeys keys, ReadStoreKeys(config.meta_store));
  CDC_ASSIGN_OR_RETURN(std::unique_ptr<MetaStore> store,
                       OpenKind(config, std::move(on_lost), stop, if_new));
  // Also without keys, so that whoever has lost them is told.
  return SealSecrets(std::move(store), std::move(keys));
}

}  // namespace cdc
