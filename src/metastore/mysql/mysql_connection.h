#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "metastore/mysql/mysql_options.h"

namespace cdc {

// What a statement returns.
struct MysqlResult {
  std::vector<std::vector<std::string>> rows;  // NULL is an empty text
  uint64_t affected = 0;                       // rows that an UPDATE has found, changed or not
};

// A connection to a database, made when it is needed. The server ends one that is idle for
// `kIdleLimit`, also in the middle of a transaction, so that no lock outlives a process that is
// suspended. Use it from one thread at a time.
class MysqlConnection {
 public:
  static constexpr std::chrono::seconds kIdleLimit{4};

  explicit MysqlConnection(MysqlOptions options);
  ~MysqlConnection();
  MysqlConnection(const MysqlConnection&) = delete;
  MysqlConnection& operator=(const MysqlConnection&) = delete;

  // Connects, unless there is a connection that answers. Call it before a transaction or a single
  // statement. kUnavailable: no answer. kPermissionDenied, kNotFound (no such database).
  Status Open();
  // Executes one statement. After an error the connection is closed: what was not committed is
  // rolled back. kUnavailable: no answer, it may have been executed; or a lock or the server's own
  // trouble, it was not. kNotFound: no such table. kPermissionDenied. kInternal: the statement.
  Result<MysqlResult> Execute(const std::string& statement);
  void Close();

  // "host:port/database", without user and password.
  std::string Place() const;

 private:
  struct Handle;

  Status Connect();
  Status Failure();

  const MysqlOptions options_;
  std::unique_ptr<Handle> handle_;  // nullptr: closed
};

// Bytes as a literal of SQL.
std::string MysqlLiteral(std::string_view bytes);

}  // namespace cdc
