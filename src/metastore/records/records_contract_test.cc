#include "metastore/records/in_memory_record_store.h"
#include "metastore/records/record_meta_store.h"
#include "metastore/testing/meta_store_contract.h"

namespace cdc {
namespace {

OpenStore NewRecordPlace() {
  return [records = std::make_shared<std::map<std::string, std::string>>()] {
    return OpenRecordMetaStore(std::make_unique<InMemoryRecordStore>(records.get()));
  };
}

INSTANTIATE_TEST_SUITE_P(Records,
                         MetaStoreContractTest,
                         ::testing::Values(StoreKind{"Records", true, NewRecordPlace}),
                         NameOf);

}  // namespace
}  // namespace cdc
