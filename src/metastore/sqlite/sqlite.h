#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

struct sqlite3;
struct sqlite3_stmt;

// RAII for SQLite's handles; its errors as Status.
namespace cdc::sqlite {

// A prepared statement. Parameters and columns count from 0, and have a method for each of
// SQLite's types. Use it from one thread at a time.
class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  Status Prepare(sqlite3* database, const char* sql);

  Statement& Bind(int index, int64_t value);
  Statement& BindText(int index, std::string_view text);
  Statement& BindBlob(int index, std::string_view bytes);

  // Advances to the next row; false if there is none. After false or an error the statement is
  // reset and its parameters are cleared.
  Result<bool> Step();
  // Runs a statement that returns no rows.
  Status Execute();
  // Ends a statement early that may have more rows.
  void Reset();

  // kDataLoss: what was read cannot be right. The message has the file's path.
  Status Damaged(const std::string& what) const;

  int64_t Int(int column) const;
  std::string Text(int column) const;
  std::string Blob(int column) const;

 private:
  sqlite3_stmt* statement_ = nullptr;
};

// One connection to a database file. Use it from one thread at a time.
class Database {
 public:
  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  // Opens or creates the file. Later error messages have its path.
  Status Open(const std::string& path);
  // Opens a file that exists; nothing can be changed through it. `unused`: nobody writes to the
  // file, so that not even the files beside it are made.
  Status OpenToRead(const std::string& path, bool unused);
  // Runs statements and discards their rows.
  Status Run(const char* sql);
  // Prepares each statement. kDataLoss: a table or column that it names is missing.
  Status Prepare(const std::vector<std::pair<Statement*, const char*>>& statements);
  // The single value of a query such as "PRAGMA user_version"; 0 or empty if there is no row.
  Result<int64_t> QueryInt(const char* sql);
  Result<std::string> QueryText(const char* sql);

 private:
  sqlite3* database_ = nullptr;
};

// A transaction that is rolled back unless Commit succeeded.
class Transaction {
 public:
  explicit Transaction(Database* database) : database_(database) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  Status Begin();
  Status Commit();

 private:
  Database* const database_;
  bool open_ = false;
};

}  // namespace cdc::sqlite
