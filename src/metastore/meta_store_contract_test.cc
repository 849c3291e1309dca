#include "metastore/testing/meta_store_contract.h"

#include "metastore/testing/in_memory_meta_store.h"

namespace cdc {
namespace {

OpenStore NewInMemoryPlace() {
  return [] { return Result<std::unique_ptr<MetaStore>>(std::make_unique<InMemoryMetaStore>()); };
}

INSTANTIATE_TEST_SUITE_P(InMemory,
                         MetaStoreContractTest,
                         ::testing::Values(StoreKind{"InMemory", false, NewInMemoryPlace}),
                         NameOf);

}  // namespace
}  // namespace cdc
