#include "metastore/etcd/etcd_meta_store.h"

#include <cstdint>
#include <map>
#include <utility>

#include "metastore/etcd/etcd_owner.h"
#include "metastore/etcd/etcd_record_store.h"
#include "metastore/legacy/legacy_records.h"
#include "metastore/records/record_meta_store.h"

namespace cdc {
namespace {

// A call must not outlast the stop of the server, nor a renewal the lease.
constexpr std::chrono::milliseconds kCallTimeout{3'000};
// A page of values that are as large as they may be is 25 MiB.
constexpr int64_t kPageKeys = 100;

// `path` in the folder `root`, which may be empty or end with slashes.
std::string Below(std::string root, const std::string& path) {
  while (!root.empty() && root.back() == '/') {
    root.pop_back();
  }
  return root.empty() ? path : root + "/" + path;
}

std::string PlaceOf(const EtcdMetaStoreOptions& options, const std::string& base) {
  std::string place = "etcd";
  for (const std::string& endpoint : options.etcd.endpoints) {
    place += (place == "etcd" ? " " : ",") + endpoint;
  }
  return place + " " + base;
}

Result<std::map<std::string, std::string>> ReadBelow(EtcdClient* etcd,
                                                     const std::string& prefix,
                                                     int64_t* revision) {
  CDC_ASSIGN_OR_RETURN(EtcdRange range,
                       etcd->Range(PrefixRange(prefix), {.revision = *revision}, {}));
  *revision = range.revision;
  std::map<std::string, std::string> records;
  for (EtcdKeyValue& kv : range.kvs) {
    records[std::move(kv.key)] = std::move(kv.value);
  }
  return records;
}

// What the earlier program has below the same root path; its records stay as they are.
Result<InitialContent> ReadLegacy(EtcdClient* etcd, const EtcdMetaStoreOptions& options) {
  LegacyRecords records;
  int64_t revision = 0;  // both at one
  CDC_ASSIGN_OR_RETURN(records.tasks,
                       ReadBelow(etcd, Below(options.root_path, "task_info/"), &revision));
  CDC_ASSIGN_OR_RETURN(records.positions,
                       ReadBelow(etcd, Below(options.root_path, "task_position/"), &revision));
  return TakeOverLegacy(records, Below(options.root_path, ""), *options.clock);
}

}  // namespace

Result<std::unique_ptr<MetaStore>> OpenEtcdMetaStore(EtcdMetaStoreOptions options,
                                                     const std::stop_token& stop) {
  const std::string base = Below(options.root_path, "milvus-cdc/");
  const std::string place = PlaceOf(options, base);
  options.etcd.call_timeout = kCallTimeout;
  options.etcd.dial_timeout = kCallTimeout;
  options.etcd.page_keys = kPageKeys;
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
                         Result<InitialContent> content = ReadLegacy(reader, options);
                         CDC_RETURN_IF_ERROR(content.status().WithContext("metastore " + place));
                         return content;
                       }));
}

}  // namespace cdc
