#include <memory>

#include "metastore/mysql/mysql_meta_store.h"
#include "metastore/mysql/testing/mariadb_process.h"
#include "metastore/testing/meta_store_contract.h"

namespace cdc {
namespace {

OpenStore NewMysqlPlace() {
  if (!HasMariadb()) {
    return nullptr;
  }
  if (!SharedMariadb().ok()) {
    return [] { return Result<std::unique_ptr<MetaStore>>(SharedMariadb().status()); };
  }
  static int places = 0;
  return [root = "cdc" + std::to_string(++places)] {
    return OpenMysqlMetaStore({.mysql = (*SharedMariadb())->options(), .root_path = root}, {});
  };
}

INSTANTIATE_TEST_SUITE_P(Mysql,
                         MetaStoreContractTest,
                         ::testing::Values(StoreKind{"Mysql", true, NewMysqlPlace}),
                         NameOf);

}  // namespace
}  // namespace cdc
