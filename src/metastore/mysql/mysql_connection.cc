#include "metastore/mysql/mysql_connection.h"

#include <utility>

#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>

#include "metastore/records/hex.h"

namespace cdc {
namespace {

// A call must not outlast the stop of the server; a commit may take some seconds.
constexpr unsigned kConnectSeconds = 3;
constexpr unsigned kAnswerSeconds = 6;
constexpr unsigned kLockSeconds = 5;

// An error in the middle of a value must not be cut off silently, whatever the server's default is.
std::string SessionStatement() {
  const std::string idle = std::to_string(MysqlConnection::kIdleLimit.count());
  return "SET SESSION sql_mode = 'STRICT_ALL_TABLES', autocommit = 1, wait_timeout = " + idle +
         ", net_read_timeout = " + idle +
         ", innodb_lock_wait_timeout = " + std::to_string(kLockSeconds);
}

StatusCode CodeOf(unsigned error) {
  if (error >= CR_MIN_ERROR && error <= CR_MAX_ERROR) {
    return StatusCode::kUnavailable;
  }
  switch (error) {
    case ER_ACCESS_DENIED_ERROR:
    case ER_DBACCESS_DENIED_ERROR:
    case ER_TABLEACCESS_DENIED_ERROR: return StatusCode::kPermissionDenied;
    case ER_BAD_DB_ERROR:
    case ER_NO_SUCH_TABLE: return StatusCode::kNotFound;
    case ER_PARSE_ERROR:
    case ER_DATA_TOO_LONG: return StatusCode::kInternal;
    default: return StatusCode::kUnavailable;
  }
}

}  // namespace

struct MysqlConnection::Handle {
  Handle() { mysql_init(&mysql); }
  ~Handle() { mysql_close(&mysql); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  MYSQL mysql{};
};

MysqlConnection::MysqlConnection(MysqlOptions options) : options_(std::move(options)) {}

MysqlConnection::~MysqlConnection() = default;

std::string MysqlConnection::Place() const {
  return (options_.socket.empty() ? options_.host + ":" + std::to_string(options_.port)
                                  : options_.socket) +
         "/" + options_.database;
}

void MysqlConnection::Close() { handle_ = nullptr; }

Status MysqlConnection::Failure() {
  MYSQL* const mysql = &handle_->mysql;
  const unsigned error = mysql_errno(mysql);
  // The server quotes the statement, which holds what is stored.
  const std::string message =
      error == ER_PARSE_ERROR ? "a statement is malformed" : std::string(mysql_error(mysql));
  Close();
  return {CodeOf(error), message + " (error " + std::to_string(error) + ")"};
}

Status MysqlConnection::Open() {
  if (handle_ != nullptr && mysql_ping(&handle_->mysql) == 0) {
    return OkStatus();
  }
  return Connect();
}

Status MysqlConnection::Connect() {
  handle_ = std::make_unique<Handle>();
  MYSQL* const mysql = &handle_->mysql;
  const my_bool encrypt = options_.tls == MysqlOptions::Tls::kOff ? 0 : 1;
  const my_bool verify = options_.tls == MysqlOptions::Tls::kVerified ? 1 : 0;
  const unsigned protocol = options_.socket.empty() ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
  // No option file of this machine changes any of it: none is read unless asked for.
  mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &kConnectSeconds);
  mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &kAnswerSeconds);
  mysql_options(mysql, MYSQL_OPT_WRITE_TIMEOUT, &kAnswerSeconds);
  mysql_options(mysql, MYSQL_OPT_PROTOCOL, &protocol);
  mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &encrypt);
  mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
  const bool connected =
      mysql_real_connect(mysql, options_.socket.empty() ? options_.host.c_str() : nullptr,
                         options_.user.c_str(), options_.password.c_str(),
                         options_.database.c_str(), static_cast<unsigned>(options_.port),
                         options_.socket.empty() ? nullptr : options_.socket.c_str(),
                         CLIENT_FOUND_ROWS) != nullptr;
  if (!connected) {
    return Failure();
  }
  return Execute(SessionStatement()).status();
}

Result<MysqlResult> MysqlConnection::Execute(const std::string& statement) {
  if (handle_ == nullptr) {
    return UnavailableError("the connection is closed");
  }
  MYSQL* const mysql = &handle_->mysql;
  if (mysql_real_query(mysql, statement.data(), statement.size()) != 0) {
    return Failure();
  }
  MysqlResult result;
  const std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)> stored(mysql_store_result(mysql),
                                                                        mysql_free_result);
  if (stored == nullptr) {
    if (mysql_errno(mysql) != 0) {
      return Failure();
    }
    result.affected = mysql_affected_rows(mysql);
    return result;
  }
  const unsigned columns = mysql_num_fields(stored.get());
  while (MYSQL_ROW row = mysql_fetch_row(stored.get())) {
    const unsigned long* const lengths = mysql_fetch_lengths(stored.get());
    std::vector<std::string>& texts = result.rows.emplace_back();
    for (unsigned i = 0; i < columns; ++i) {
      texts.emplace_back(row[i] == nullptr ? "" : row[i], row[i] == nullptr ? 0 : lengths[i]);
    }
  }
  return result;
}

std::string MysqlLiteral(std::string_view bytes) { return "x'" + ToHex(bytes) + "'"; }

}  // namespace cdc
