#pragma once

#include <map>
#include <string>
#include <vector>

#include "metastore/records/record_store.h"

namespace cdc {

// Keeps its records in a map of the caller, which must outlive it.
class InMemoryRecordStore final : public RecordStore {
 public:
  explicit InMemoryRecordStore(std::map<std::string, std::string>* records) : records_(records) {}

  Result<std::map<std::string, std::string>> Read(const std::string& prefix) override;
  Result<std::vector<std::string>> ReadKeys(const std::string& prefix) override;
  Status Write(const RecordChanges& changes) override;
  Status CheckOwned() const override { return OkStatus(); }
  std::string Place() const override { return "in memory"; }

 private:
  std::map<std::string, std::string>* const records_;
};

}  // namespace cdc
