#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "metastore/mysql/mysql_connection.h"
#include "metastore/mysql/mysql_owner.h"
#include "metastore/records/record_store.h"

namespace cdc {

// Records in a table, of the process that owns them. Each write is one transaction, which begins
// with the owner's fence: it waits for one whose answer was lost, and an earlier owner can write
// nothing.
class MysqlRecordStore final : public RecordStore {
 public:
  // `owner` must be of the same database and root.
  MysqlRecordStore(MysqlOptions options,
                   std::unique_ptr<MysqlOwner> owner,
                   std::string root,
                   std::string place);

  Result<std::map<std::string, std::string>> Read(const std::string& prefix) override;
  Result<std::vector<std::string>> ReadKeys(const std::string& prefix) override;
  Status Write(const RecordChanges& changes) override;
  Status CheckOwned() const override { return owner_->Check(); }
  std::string Place() const override { return place_; }

 private:
  // Executed in a transaction; after an error nothing of it has been made, unless its end was lost.
  Status WriteAll(const RecordChanges& changes);
  // The rest of a statement about all records of this store, or those that begin with `prefix`.
  std::string OfRoot() const;
  std::string Below(const std::string& prefix) const;
  Status Described(const Status& status) const;

  MysqlConnection connection_;
  const std::unique_ptr<MysqlOwner> owner_;
  const std::string root_;  // a literal
  const std::string place_;
};

}  // namespace cdc
