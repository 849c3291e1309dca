#include "metastore/records/in_memory_record_store.h"

namespace cdc {

Result<std::map<std::string, std::string>> InMemoryRecordStore::Read(const std::string& prefix) {
  std::map<std::string, std::string> found;
  for (auto each = records_->lower_bound(prefix);
       each != records_->end() && each->first.starts_with(prefix); ++each) {
    found.insert(*each);
  }
  return found;
}

Result<std::vector<std::string>> InMemoryRecordStore::ReadKeys(const std::string& prefix) {
  CDC_ASSIGN_OR_RETURN(const auto found, Read(prefix));
  std::vector<std::string> keys;
  for (const auto& [key, value] : found) {
    keys.push_back(key);
  }
  return keys;
}

Status InMemoryRecordStore::Write(const RecordChanges& changes) {
  for (const std::string& key : changes.removed) {
    records_->erase(key);
  }
  for (const std::string& prefix : changes.removed_below) {
    std::erase_if(*records_, [&](const auto& each) { return each.first.starts_with(prefix); });
  }
  for (const auto& [key, value] : changes.put) {
    (*records_)[key] = value;
  }
  return OkStatus();
}

}  // namespace cdc
