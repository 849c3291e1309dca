#include "metastore/etcd/etcd_legacy.h"

#include <map>
#include <memory>
#include <utility>

#include "etcd/etcd_writer.h"
#include "metastore/legacy/legacy_check.h"

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

// Both at one revision: `*revision`, or if that is 0 the present one, which it then becomes.
Result<LegacyRecords> ReadAt(EtcdClient* etcd, const std::string& root, int64_t* revision) {
  LegacyRecords records;
  CDC_ASSIGN_OR_RETURN(records.tasks, ReadBelow(etcd, Below(root, kTaskInfo), revision));
  CDC_ASSIGN_OR_RETURN(records.positions, ReadBelow(etcd, Below(root, kTaskPosition), revision));
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
  return ReadAt(etcd, root, &revision);
}

Result<size_t> Remove(const EtcdOptions& options,
                      const std::string& root,
                      const LegacyFound& checked) {
  CDC_ASSIGN_OR_RETURN(const std::unique_ptr<EtcdWriter> etcd, NewEtcdWriter(options));
  int64_t revision = 0;
  CDC_ASSIGN_OR_RETURN(const LegacyRecords records, ReadAt(etcd.get(), root, &revision));
  CDC_RETURN_IF_ERROR(CheckUnchanged(records, checked));
  EtcdTxn txn;
  for (const char* path : {kTaskInfo, kTaskPosition}) {
    const KeyRange range = PrefixRange(Below(root, path));
    txn.range_conditions.push_back({range, revision});
    txn.deletions.push_back(range);
  }
  CDC_ASSIGN_OR_RETURN(const EtcdTxnResult removed, etcd->Txn(txn, {}));
  if (!removed.succeeded) {
    return LegacyChangedError();
  }
  return records.tasks.size() + records.positions.size();
}

}  // namespace cdc::etcd_legacy
