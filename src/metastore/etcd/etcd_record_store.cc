#include "metastore/etcd/etcd_record_store.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/fault_point.h"
#include "metastore/records/record_keys.h"

namespace cdc {
namespace {

using etcd_changes::Operation;

// How often a call begins again because of an earlier one that got no answer; each is overtaken at
// most once.
constexpr int kAttempts = 5;

Operation Put(std::string key, std::string value) {
  return {.keys = {.begin = std::move(key)}, .value = std::move(value)};
}

}  // namespace

EtcdRecordStore::EtcdRecordStore(std::unique_ptr<EtcdWriter> etcd,
                                 std::unique_ptr<EtcdOwner> owner,
                                 std::string base,
                                 std::string place)
    : etcd_(std::move(etcd)),
      owner_(std::move(owner)),
      base_(std::move(base)),
      place_(std::move(place)),
      records_(base_ + "records/"),
      journal_(base_ + "journal/"),
      commit_(journal_ + "commit"),
      last_write_(base_ + "last_write") {}

Result<std::map<std::string, std::string>> EtcdRecordStore::Read(const std::string& prefix) {
  CDC_ASSIGN_OR_RETURN(std::vector<EtcdKeyValue> kvs, ReadRange(prefix, false));
  return etcd_changes::Join(std::move(kvs), records_);
}

Result<std::vector<std::string>> EtcdRecordStore::ReadKeys(const std::string& prefix) {
  CDC_ASSIGN_OR_RETURN(std::vector<EtcdKeyValue> kvs, ReadRange(prefix, true));
  std::vector<std::string> keys;
  for (const auto& [key, value] : etcd_changes::Join(std::move(kvs), records_)) {
    keys.push_back(key);
  }
  return keys;
}

Result<std::vector<EtcdKeyValue>> EtcdRecordStore::ReadRange(const std::string& prefix,
                                                             bool keys_only) {
  CDC_RETURN_IF_ERROR(Described(Prepare()));
  Result<EtcdRange> range =
      etcd_->Range(PrefixRange(records_ + prefix), {.keys_only = keys_only}, {});
  CDC_RETURN_IF_ERROR(Described(range.status()));
  return std::move(range->kvs);
}

Status EtcdRecordStore::Write(const RecordChanges& changes) {
  const Operations operations = etcd_changes::OperationsOf(changes, records_);
  if (operations.empty()) {
    return OkStatus();
  }
  const bool fits = etcd_changes::Divide(operations).size() == 1;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    CDC_RETURN_IF_ERROR(Described(Prepare()));
    const Result<Outcome> outcome = fits ? Execute(operations) : WriteJournal(operations);
    CDC_RETURN_IF_ERROR(Described(outcome.status()));
    if (*outcome == Outcome::kMade) {
      return OkStatus();
    }
  }
  return Described(UnavailableError("too many writes without an answer"));
}

Status EtcdRecordStore::Prepare() {
  for (int attempt = 0; !prepared_; ++attempt) {
    if (attempt == kAttempts) {
      return UnavailableError("too many writes without an answer");
    }
    // An owner's own transactions are all that can change it, and the condition of each is checked
    // against what is found here.
    CDC_ASSIGN_OR_RETURN(const EtcdRange last, etcd_->Range({.begin = last_write_}, {}, {}));
    last_revision_ = last.kvs.empty() ? 0 : last.kvs[0].mod_revision;
    CDC_ASSIGN_OR_RETURN(const EtcdRange commit, etcd_->Range({.begin = commit_}, {}, {}));
    if (commit.kvs.empty()) {
      prepared_ = true;
      break;
    }
    CDC_ASSIGN_OR_RETURN(const Outcome outcome, MakeJournal(commit.kvs[0].value));
    prepared_ = outcome == Outcome::kMade;
  }
  return OkStatus();
}

Result<EtcdRecordStore::Outcome> EtcdRecordStore::MakeJournal(const std::string& count) {
  CDC_ASSIGN_OR_RETURN(const EtcdRange parts, etcd_->Range(PrefixRange(journal_), {}, {}));
  size_t number = 0;
  std::from_chars(count.data(), count.data() + count.size(), number);
  std::string bytes;
  // Later parts are of a journal that was begun and not committed.
  for (size_t i = 0; i < std::min(number, parts.kvs.size()); ++i) {
    bytes += parts.kvs[i].value;
  }
  std::optional<Operations> operations = etcd_changes::Decode(bytes);
  if (number == 0 || !operations || operations->empty()) {
    return DataLossError("its journal is damaged");
  }
  operations->push_back({.keys = PrefixRange(journal_)});
  for (const Operations& some : etcd_changes::Divide(*std::move(operations))) {
    CDC_ASSIGN_OR_RETURN(const Outcome outcome, Execute(some));
    if (outcome != Outcome::kMade) {
      return outcome;
    }
    FaultPoint("in_journal");
  }
  return Outcome::kMade;
}

Result<EtcdRecordStore::Outcome> EtcdRecordStore::WriteJournal(const Operations& operations) {
  const std::string bytes = etcd_changes::Encode(operations);
  Operations parts;
  for (size_t at = 0; at < bytes.size(); at += etcd_changes::kMaxPartBytes) {
    parts.push_back(Put(journal_ + record_keys::Number(parts.size()),
                        bytes.substr(at, etcd_changes::kMaxPartBytes)));
  }
  const std::string count = std::to_string(parts.size());
  parts.push_back(Put(commit_, count));
  for (const Operations& some : etcd_changes::Divide(std::move(parts))) {
    FaultPoint("before_journal");
    CDC_ASSIGN_OR_RETURN(const Outcome outcome, Execute(some));
    if (outcome != Outcome::kMade) {
      return outcome;
    }
  }
  // Committed: from here on it is made, by this call or by whoever comes next, so an error would be
  // wrong. The next call meets its cause again.
  prepared_ = false;
  FaultPoint("in_journal");
  const Result<Outcome> made = MakeJournal(count);
  prepared_ = made.ok() && *made == Outcome::kMade;
  return Outcome::kMade;
}

Result<EtcdRecordStore::Outcome> EtcdRecordStore::Execute(const Operations& operations) {
  const std::string id = owner_->Id() + " " + std::to_string(++writes_);
  EtcdTxn txn{.conditions = {owner_->Fence(), {.key = last_write_, .mod_revision = last_revision_}},
              .puts = {{.key = last_write_, .value = id}}};
  for (const Operation& operation : operations) {
    if (operation.value) {
      txn.puts.push_back({.key = operation.keys.begin, .value = *operation.value});
    } else {
      txn.deletions.push_back(operation.keys);
    }
  }
  const Result<EtcdTxnResult> result = etcd_->Txn(txn, {});
  if (result.ok() && result->succeeded) {
    last_revision_ = result->revision;
    return Outcome::kMade;
  }
  // Until it is known what has happened, it may have been this one, an earlier one, or none.
  const bool was_prepared = std::exchange(prepared_, false);
  CDC_RETURN_IF_ERROR(owner_->Look());
  CDC_ASSIGN_OR_RETURN(const EtcdRange last, etcd_->Range({.begin = last_write_}, {}, {}));
  if (!last.kvs.empty() && last.kvs[0].value == id) {
    last_revision_ = last.kvs[0].mod_revision;
    prepared_ = was_prepared;
    return Outcome::kMade;
  }
  CDC_RETURN_IF_ERROR(result.status());
  return Outcome::kOvertaken;
}

// In the words and codes of a metastore.
Status EtcdRecordStore::Described(const Status& status) const {
  if (status.ok() || status.code() == StatusCode::kFailedPrecondition) {
    return status;  // the owner has said which store
  }
  const StatusCode code =
      status.code() == StatusCode::kDataLoss ? status.code() : StatusCode::kUnavailable;
  return {code, "metastore " + place_ + ": " + status.message()};
}

}  // namespace cdc
