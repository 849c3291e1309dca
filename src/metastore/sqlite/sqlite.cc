#include "metastore/sqlite/sqlite.h"

#include <utility>

#include <sqlite3.h>

namespace cdc::sqlite {
namespace {

// kDataLoss needs a person; kUnavailable may pass, e.g. when the disk has space again. The extended
// codes in the upper bits do not matter here.
StatusCode CodeOf(int code) {
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_MISMATCH: return StatusCode::kDataLoss;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM: return StatusCode::kUnavailable;
    default: return StatusCode::kInternal;
  }
}

std::string NameOf(sqlite3* database) {
  const char* path = database == nullptr ? nullptr : sqlite3_db_filename(database, "main");
  return std::string("metastore file ") + (path == nullptr || *path == '\0' ? "?" : path) + ": ";
}

Status ErrorOf(sqlite3* database, int code) {
  return {CodeOf(code), NameOf(database) + (database == nullptr ? sqlite3_errstr(code)
                                                                : sqlite3_errmsg(database))};
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(statement_, other.statement_);
  return *this;
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Status Statement::Prepare(sqlite3* database, const char* sql) {
  sqlite3_finalize(std::exchange(statement_, nullptr));
  const int code =
      sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
  return code == SQLITE_OK ? OkStatus() : ErrorOf(database, code);
}

// Binding fails only for a wrong index or out of memory. Then Step fails or sees NULL, which all
// our columns refuse.
Statement& Statement::Bind(int index, int64_t value) {
  sqlite3_bind_int64(statement_, index + 1, value);
  return *this;
}

Statement& Statement::BindText(int index, std::string_view text) {
  // A null pointer would bind NULL instead of an empty string.
  sqlite3_bind_text64(statement_, index + 1, text.data() == nullptr ? "" : text.data(), text.size(),
                      SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

Statement& Statement::BindBlob(int index, std::string_view bytes) {
  sqlite3_bind_blob64(statement_, index + 1, bytes.data() == nullptr ? "" : bytes.data(),
                      bytes.size(), SQLITE_TRANSIENT);
  return *this;
}

Result<bool> Statement::Step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) {
    return true;
  }
  Status status = code == SQLITE_DONE ? OkStatus() : ErrorOf(sqlite3_db_handle(statement_), code);
  Reset();
  if (!status.ok()) {
    return status;
  }
  return false;
}

Status Statement::Execute() {
  CDC_ASSIGN_OR_RETURN(const bool row, Step());
  if (row) {
    Reset();
  }
  return OkStatus();
}

void Statement::Reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Status Statement::Damaged(const std::string& what) const {
  return DataLossError(NameOf(sqlite3_db_handle(statement_)) + what);
}

int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Statement::Text(int column) const { return Blob(column); }

std::string Statement::Blob(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return bytes == nullptr ? std::string()
                          : std::string(static_cast<const char*>(bytes), static_cast<size_t>(size));
}

Database::~Database() { sqlite3_close_v2(database_); }

Status Database::Open(const std::string& path) {
  // Callers serialize their calls, hence NOMUTEX.
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &database_, kFlags, nullptr);
  if (code != SQLITE_OK) {
    return ErrorOf(database_, code);
  }
  sqlite3_extended_result_codes(database_, 1);
  // Somebody may have the file open in another tool.
  sqlite3_busy_timeout(database_, 2'000);
  return OkStatus();
}

Status Database::OpenToRead(const std::string& path, bool unused) {
  std::string uri = "file:";
  for (const char c : path) {
    uri += c == '%' ? "%25" : c == '?' ? "%3f" : c == '#' ? "%23" : std::string(1, c);
  }
  constexpr int kFlags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX;
  const int code =
      sqlite3_open_v2((uri + (unused ? "?immutable=1" : "")).c_str(), &database_, kFlags, nullptr);
  if (code != SQLITE_OK) {
    return ErrorOf(database_, code);
  }
  sqlite3_extended_result_codes(database_, 1);
  sqlite3_busy_timeout(database_, 2'000);
  return OkStatus();
}

Status Database::Run(const char* sql) {
  const int code = sqlite3_exec(database_, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? OkStatus() : ErrorOf(database_, code);
}

Status Database::Prepare(const std::vector<std::pair<Statement*, const char*>>& statements) {
  for (const auto& [statement, sql] : statements) {
    const Status status = statement->Prepare(database_, sql);
    if (!status.ok()) {
      return DataLossError(NameOf(database_) + "its tables are not ours: " + status.message());
    }
  }
  return OkStatus();
}

Result<std::string> Database::QueryText(const char* sql) {
  Statement statement;
  CDC_RETURN_IF_ERROR(statement.Prepare(database_, sql));
  CDC_ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.Text(0) : std::string();
}

Result<int64_t> Database::QueryInt(const char* sql) {
  Statement statement;
  CDC_RETURN_IF_ERROR(statement.Prepare(database_, sql));
  CDC_ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.Int(0) : int64_t{0};
}

Transaction::~Transaction() {
  if (open_) {
    // Fails only if SQLite has already rolled back.
    static_cast<void>(database_->Run("ROLLBACK"));
  }
}

Status Transaction::Begin() {
  // Takes the write lock now, so that a busy file fails here and not in the middle.
  CDC_RETURN_IF_ERROR(database_->Run("BEGIN IMMEDIATE"));
  open_ = true;
  return OkStatus();
}

Status Transaction::Commit() {
  CDC_RETURN_IF_ERROR(database_->Run("COMMIT"));
  open_ = false;
  return OkStatus();
}

}  // namespace cdc::sqlite
