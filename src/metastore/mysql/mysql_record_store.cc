#include "metastore/mysql/mysql_record_store.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/fault_point.h"
#include "metastore/mysql/mysql_tables.h"

namespace cdc {
namespace {

using mysql_tables::kRecord;

// A server refuses a statement of more than max_allowed_packet, which is 4 MiB or more; bytes are
// two digits each.
constexpr size_t kMaxPartBytes = 512 << 10;
constexpr size_t kMaxStatementBytes = 2 << 20;

// Statements with a common beginning and a list of items, each as long as a server takes.
class Statements {
 public:
  Statements(std::string begin, std::string end) : begin_(std::move(begin)), end_(std::move(end)) {}

  void Add(std::string item) {
    if (statements_.empty() || statements_.back().size() + item.size() > kMaxStatementBytes) {
      statements_.push_back(begin_ + std::move(item));
    } else {
      statements_.back() += "," + std::move(item);
    }
  }

  Status Execute(MysqlConnection* connection) const {
    for (const std::string& statement : statements_) {
      CDC_RETURN_IF_ERROR(connection->Execute(statement + end_).status());
    }
    return OkStatus();
  }

 private:
  const std::string begin_;
  const std::string end_;
  std::vector<std::string> statements_;
};

}  // namespace

MysqlRecordStore::MysqlRecordStore(MysqlOptions options,
                                   std::unique_ptr<MysqlOwner> owner,
                                   std::string root,
                                   std::string place)
    : connection_(std::move(options)),
      owner_(std::move(owner)),
      root_(MysqlLiteral(root)),
      place_(std::move(place)) {}

std::string MysqlRecordStore::OfRoot() const {
  return " FROM " + std::string(kRecord) + " WHERE root = " + root_;
}

std::string MysqlRecordStore::Below(const std::string& prefix) const {
  // Keys are printable ASCII, so this is above each that begins with the prefix.
  const std::string end = prefix + '\x7f';
  return OfRoot() + " AND record_key >= " + MysqlLiteral(prefix) + " AND record_key < " +
         MysqlLiteral(end);
}

Result<std::map<std::string, std::string>> MysqlRecordStore::Read(const std::string& prefix) {
  CDC_RETURN_IF_ERROR(Described(connection_.Open()));
  const Result<MysqlResult> found = connection_.Execute("SELECT record_key, value" + Below(prefix) +
                                                        " ORDER BY record_key, part");
  CDC_RETURN_IF_ERROR(Described(found.status()));
  std::map<std::string, std::string> records;
  for (const std::vector<std::string>& row : found->rows) {
    records[row.at(0)] += row.at(1);
  }
  return records;
}

Result<std::vector<std::string>> MysqlRecordStore::ReadKeys(const std::string& prefix) {
  CDC_RETURN_IF_ERROR(Described(connection_.Open()));
  const Result<MysqlResult> found = connection_.Execute("SELECT record_key" + Below(prefix) +
                                                        " AND part = 0 ORDER BY record_key");
  CDC_RETURN_IF_ERROR(Described(found.status()));
  std::vector<std::string> keys;
  for (const std::vector<std::string>& row : found->rows) {
    keys.push_back(row.at(0));
  }
  return keys;
}

Status MysqlRecordStore::Write(const RecordChanges& changes) {
  if (changes.removed.empty() && changes.removed_below.empty() && changes.put.empty()) {
    return OkStatus();
  }
  const Status written = WriteAll(changes);
  if (!written.ok()) {
    connection_.Close();
  }
  return Described(written);
}

Status MysqlRecordStore::WriteAll(const RecordChanges& changes) {
  Statements deletions("DELETE" + OfRoot() + " AND record_key IN (", ")");
  Statements insertions("INSERT INTO " + std::string(kRecord) + " VALUES ", "");
  for (const std::string& key : changes.removed) {
    deletions.Add(MysqlLiteral(key));
  }
  for (const auto& [key, value] : changes.put) {
    const std::string literal = MysqlLiteral(key);
    deletions.Add(literal);
    for (size_t part = 0; part == 0 || part * kMaxPartBytes < value.size(); ++part) {
      const std::string_view bytes =
          std::string_view(value).substr(part * kMaxPartBytes, kMaxPartBytes);
      insertions.Add("(" + root_ + "," + literal + "," + std::to_string(part) + "," +
                     MysqlLiteral(bytes) + ")");
    }
  }
  CDC_RETURN_IF_ERROR(connection_.Open());
  CDC_RETURN_IF_ERROR(connection_.Execute("START TRANSACTION").status());
  CDC_RETURN_IF_ERROR(owner_->Fence(&connection_));
  for (const std::string& prefix : changes.removed_below) {
    CDC_RETURN_IF_ERROR(connection_.Execute("DELETE" + Below(prefix)).status());
  }
  CDC_RETURN_IF_ERROR(deletions.Execute(&connection_));
  CDC_RETURN_IF_ERROR(insertions.Execute(&connection_));
  FaultPoint("before_commit");
  return connection_.Execute("COMMIT").status();
}

// In the words and codes of a metastore.
Status MysqlRecordStore::Described(const Status& status) const {
  if (status.ok() || status.code() == StatusCode::kFailedPrecondition) {
    return status;  // the owner has said which store
  }
  return UnavailableError("metastore " + place_ + ": " + status.message());
}

}  // namespace cdc
