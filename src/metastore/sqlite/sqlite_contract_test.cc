#include "metastore/sqlite/sqlite_meta_store.h"
#include "metastore/testing/meta_store_contract.h"
#include "metastore/testing/temp_dir.h"

namespace cdc {
namespace {

OpenStore NewSqlitePlace() {
  return [dir = std::make_shared<TempDir>()] { return OpenSqliteMetaStore(dir->File("cdc.db")); };
}

INSTANTIATE_TEST_SUITE_P(Sqlite,
                         MetaStoreContractTest,
                         ::testing::Values(StoreKind{"Sqlite", true, NewSqlitePlace}),
                         NameOf);

}  // namespace
}  // namespace cdc
