#include <fstream>

#include <sys/stat.h>

#include "metastore/sealed/sealed_store.h"
#include "metastore/sqlite/sqlite_meta_store.h"
#include "metastore/testing/meta_store_contract.h"
#include "metastore/testing/temp_dir.h"

namespace cdc {
namespace {

OpenStore NewSealedPlace() {
  auto dir = std::make_shared<TempDir>();
  const std::string file = dir->File("keys");
  std::ofstream(file) << "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
  EXPECT_EQ(chmod(file.c_str(), 0600), 0);
  return [dir, file]() -> Result<std::unique_ptr<MetaStore>> {
    CDC_ASSIGN_OR_RETURN(SecretKeys keys, SecretKeys::Read(file));
    CDC_ASSIGN_OR_RETURN(std::unique_ptr<MetaStore> store,
                         OpenSqliteMetaStore(dir->File("cdc.db")));
    return SealSecrets(std::move(store), std::move(keys));
  };
}

INSTANTIATE_TEST_SUITE_P(Sealed,
                         MetaStoreContractTest,
                         ::testing::Values(StoreKind{"Sealed", true, NewSealedPlace}),
                         NameOf);

}  // namespace
}  // namespace cdc
