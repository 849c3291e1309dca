#include "metastore/etcd/etcd_legacy.h"

#include <map>
#include <memory>
#include <utility>

#include "etcd/etcd_writer.h"

namespace cdc::etcd_legacy {
namespace {

constexpr const char* kTaskInfo = "task_info/";
constexpr const char* kTaskPosition = "task_position/";

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

}  // namespace

std::string Below(std::string root, const std::string& path) {
  while (!root.empty() && root.back() == '/') {
    root.pop_back();
  }
  return root.empty() ? path : root + "/" + path;
}

Result<LegacyRecords> Read(EtcdClient* etcd, const std::string& root, int64_t revision) {
  LegacyRecords records;  // both at one revision
  CDC_ASSIGN_OR_RETURN(records.tasks, ReadBelow(etcd, Below(root, kTaskInfo), &revision));
  CDC_ASSIGN_OR_RETURN(records.positions, ReadBelow(etcd, Below(root, kTaskPosition), &revision));
  return records;
}

Result<size_t> Remove(const EtcdOptions& options, const std::string& root) {
  CDC_ASSIGN_OR_RETURN(const std::unique_ptr<EtcdWriter> etcd, NewEtcdWriter(options));
  EtcdTxn txn;
  size_t keys = 0;
  for (const char* path : {kTaskInfo, kTaskPosition}) {
    const KeyRange range = PrefixRange(Below(root, path));
    CDC_ASSIGN_OR_RETURN(const EtcdRange found, etcd->Range(range, {.keys_only = true}, {}));
    keys += found.kvs.size();
    txn.deletions.push_back(range);
  }
  CDC_RETURN_IF_ERROR(etcd->Txn(txn, {}).status());
  return keys;
}

}  // namespace cdc::etcd_legacy
