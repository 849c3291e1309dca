#include <memory>
#include <string>

#include "etcd/testing/etcd_process.h"
#include "metastore/etcd/etcd_meta_store.h"
#include "metastore/testing/meta_store_contract.h"

namespace cdc {
namespace {

OpenStore NewEtcdPlace() {
  if (!HasEtcdBinary()) {
    return nullptr;
  }
  auto started = EtcdProcess::Start();
  if (!started.ok()) {
    return [status = started.status()] { return Result<std::unique_ptr<MetaStore>>(status); };
  }
  return [etcd = std::shared_ptr<EtcdProcess>(*std::move(started))] {
    return OpenEtcdMetaStore({.etcd = {.endpoints = {etcd->endpoint()}}, .root_path = "cdc"}, {});
  };
}

INSTANTIATE_TEST_SUITE_P(Etcd,
                         MetaStoreContractTest,
                         ::testing::Values(StoreKind{"Etcd", true, NewEtcdPlace}),
                         NameOf);

}  // namespace
}  // namespace cdc
