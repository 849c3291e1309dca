#include "metastore/etcd/etcd_meta_store.h"

#include <utility>

#include "metastore/etcd/etcd_legacy.h"
#include "metastore/etcd/etcd_owner.h"
#include "metastore/etcd/etcd_record_store.h"
#include "metastore/legacy/legacy_records.h"
#include "metastore/records/record_meta_store.h"

namespace cdc {
namespace {

// A call must not outlast the stop of the server, nor a renewal the lease.
constexpr std::chrono::milliseconds kCallTimeout{3'000};
// What the earlier program has below the same root path; its records stay as they are.
Result<InitialContent> ReadInitial(EtcdClient* etcd, const EtcdMetaStoreOptions& options) {
  CDC_ASSIGN_OR_RETURN(const LegacyRecords records, etcd_legacy::Read(etcd, options.root_path, 0));
  return TakeOverLegacy(records, etcd_legacy::Below(options.root_path, ""), *options.clock);
}

}  // namespace

std::string EtcdPlaceOf(const EtcdOptions& etcd, const std::string& base) {
  std::string place = "etcd";
  for (const std::string& endpoint : etcd.endpoints) {
    place += (place == "etcd" ? " " : ",") + endpoint;
  }
  return place + " " + base;
}

Result<std::unique_ptr<MetaStore>> OpenEtcdMetaStore(EtcdMetaStoreOptions options,
                                                     const std::stop_token& stop) {
  const std::string base = etcd_legacy::Below(options.root_path, "milvus-cdc/");
  const std::string place = EtcdPlaceOf(options.etcd, base);
  options.etcd.call_timeout = kCallTimeout;
  options.etcd.dial_timeout = kCallTimeout;
  options.etcd.page_keys = kEtcdStorePageKeys;
  // Two connections, so that no large value delays the lease.
  Result<std::unique_ptr<EtcdWriter>> lease_client = NewEtcdWriter(options.etcd);
  CDC_RETURN_IF_ERROR(lease_client.status().WithContext("metastore " + place));
  Result<std::unique_ptr<EtcdWriter>> client = NewEtcdWriter(options.etcd);
  CDC_RETURN_IF_ERROR(client.status().WithContext("metastore " + place));
  Result<std::unique_ptr<EtcdOwner>> owner =
      EtcdOwner::Become(*std::move(lease_client),
                        {.base = base,
                         .place = place,
                         .name = options.name,
                         .ttl = options.lease_ttl,
                         .on_lost = std::move(options.on_lost)},
                        stop);
  CDC_RETURN_IF_ERROR(owner.status().WithContext("metastore " + place));
  EtcdClient* const reader = client->get();  // lives as long as the store
  return OpenRecordMetaStore(
      std::make_unique<EtcdRecordStore>(*std::move(client), *std::move(owner), base, place),
      InitialContentOf(options.if_new, place,
                       [&options, reader, &place]() -> Result<InitialContent> {
                         Result<InitialContent> content = ReadInitial(reader, options);
                         CDC_RETURN_IF_ERROR(content.status().WithContext("metastore " + place));
                         return content;
                       }));
}

}  // namespace cdc
