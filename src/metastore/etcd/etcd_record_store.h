#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "etcd/etcd_writer.h"
#include "metastore/etcd/etcd_changes.h"
#include "metastore/etcd/etcd_owner.h"
#include "metastore/records/record_store.h"

namespace cdc {

// Records in etcd, of the process that owns them.
//
// Each write is one transaction with two conditions: this process still is the owner, and the last
// transaction is the one it knows. So an earlier owner can write nothing, and a transaction whose
// answer was lost is executed before the next one or never.
//
// What exceeds a transaction of etcd is written to the journal first, in as many transactions as it
// takes. The one that writes `journal/commit` makes the change durable; nothing of it has touched a
// record yet. Then it is made, again in several transactions, the last of which removes the
// journal. Whatever ends in between, nobody reads a record until the journal is finished: every
// call here begins with that, also in the process that takes the records over.
class EtcdRecordStore final : public RecordStore {
 public:
  // `base` ends with a slash. `owner` must be of the same etcd and base.
  EtcdRecordStore(std::unique_ptr<EtcdWriter> etcd,
                  std::unique_ptr<EtcdOwner> owner,
                  std::string base,
                  std::string place);

  Result<std::map<std::string, std::string>> Read(const std::string& prefix) override;
  Result<std::vector<std::string>> ReadKeys(const std::string& prefix) override;
  Status Write(const RecordChanges& changes) override;
  Status CheckOwned() const override { return owner_->Check(); }
  std::string Place() const override { return place_; }

 private:
  enum class Outcome {
    kMade,
    // An earlier transaction of this process, which got no answer, was executed in the meantime:
    // begin again.
    kOvertaken,
  };
  using Operations = std::vector<etcd_changes::Operation>;

  Result<std::vector<EtcdKeyValue>> ReadRange(const std::string& prefix, bool keys_only);
  // Finishes what a call has left: looks for the last write, makes the journal.
  Status Prepare();
  Result<Outcome> MakeJournal(const std::string& count);
  Result<Outcome> WriteJournal(const Operations& operations);
  Result<Outcome> Execute(const Operations& operations);
  Status Described(const Status& status) const;

  const std::unique_ptr<EtcdWriter> etcd_;
  const std::unique_ptr<EtcdOwner> owner_;
  const std::string base_;
  const std::string place_;
  const std::string records_;     // the prefix of the records' keys
  const std::string journal_;     // of the journal's
  const std::string commit_;      // the key whose value is the number of the journal's parts
  const std::string last_write_;  // the key
  bool prepared_ = false;         // nothing is left of an earlier call
  int64_t last_revision_ = 0;     // of last_write_
  uint64_t writes_ = 0;
};

}  // namespace cdc
