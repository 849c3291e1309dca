#include "metastore/etcd/etcd_check.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "metastore/etcd/etcd_changes.h"
#include "metastore/etcd/etcd_legacy.h"
#include "metastore/etcd/etcd_meta_store.h"
#include "metastore/legacy/legacy_check.h"
#include "metastore/records/record_check.h"

namespace cdc {
namespace {

using Keys = std::map<std::string, std::string>;

// Those that begin with `prefix`.
std::vector<EtcdKeyValue> KeysBelow(const Keys& keys, const std::string& prefix) {
  std::vector<EtcdKeyValue> found;
  for (auto kv = keys.lower_bound(prefix);
       kv != keys.end() && kv->first.compare(0, prefix.size(), prefix) == 0; ++kv) {
    found.push_back({.key = kv->first, .value = kv->second});
  }
  return found;
}

// What the next owner would do first: finishes a write of several transactions. False: damaged.
bool MakeJournalIn(Keys* keys, const std::string& base) {
  const auto commit = keys->find(base + "journal/commit");
  if (commit == keys->end()) {
    return true;
  }
  size_t number = 0;
  const std::string& count = commit->second;
  std::from_chars(count.data(), count.data() + count.size(), number);
  const std::vector<EtcdKeyValue> parts = KeysBelow(*keys, base + "journal/");
  std::string bytes;
  for (size_t i = 0; i < std::min(number, parts.size()); ++i) {
    bytes += parts[i].value;
  }
  const auto operations = etcd_changes::Decode(bytes);
  if (number == 0 || !operations || operations->empty()) {
    return false;
  }
  for (const etcd_changes::Operation& operation : *operations) {
    const KeyRange& range = operation.keys;
    if (operation.value) {
      (*keys)[range.begin] = *operation.value;
    } else if (range.end.empty()) {
      keys->erase(range.begin);
    } else {
      keys->erase(keys->lower_bound(range.begin), keys->lower_bound(range.end));
    }
  }
  return true;
}

}  // namespace

Result<StoreCheck> CheckEtcdStore(EtcdOptions etcd, const std::string& root_path) {
  const std::string base = etcd_legacy::Below(root_path, "milvus-cdc/");
  StoreCheck check{.place = EtcdPlaceOf(etcd, base)};
  const std::string context = "metastore " + check.place;
  etcd.page_keys = kEtcdStorePageKeys;
  Result<std::unique_ptr<EtcdClient>> client = NewEtcdClient(etcd);
  CDC_RETURN_IF_ERROR(client.status().WithContext(context));
  Result<EtcdRange> found = (*client)->Range(PrefixRange(base), {}, {});
  CDC_RETURN_IF_ERROR(found.status().WithContext(context));
  const Result<LegacyRecords> legacy = etcd_legacy::Read(client->get(), root_path, found->revision);
  CDC_RETURN_IF_ERROR(legacy.status().WithContext(context));
  Keys keys;
  for (EtcdKeyValue& kv : found->kvs) {
    keys[std::move(kv.key)] = std::move(kv.value);
  }
  if (const auto lock = keys.find(base + "lock"); lock != keys.end()) {
    check.holder = lock->second.empty() ? "a server without a name" : lock->second;
  }
  if (!MakeJournalIn(&keys, base)) {
    check.damaged.push_back({.key = base + "journal/",
                             .why = "its content is damaged, so a write cannot be finished",
                             .cure =
                                 "stop the server, then `milvus-cdc metastore import` an export "
                                 "made earlier into another rootPath"});
  }
  CDC_RETURN_IF_ERROR(CheckRecords(
      etcd_changes::Join(KeysBelow(keys, base + "records/"), base + "records/"), &check));
  CheckLegacy(*legacy, &check);
  return check;
}

}  // namespace cdc
