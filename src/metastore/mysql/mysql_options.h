#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace cdc {

// How to reach a database of a MySQL or MariaDB.
struct MysqlOptions {
  enum class Tls {
    kOff,
    kUnverified,  // encrypted, whoever the server is
    kVerified,    // its certificate must be signed by an authority that the system knows
  };
  std::string user;
  std::string password;
  std::string host = "127.0.0.1";
  int port = 3306;
  std::string socket;  // a path; not empty: used instead of host and port
  std::string database;
  Tls tls = Tls::kOff;
};

struct MysqlUrl {
  MysqlOptions options;
  std::vector<std::string> ignored;  // names of parameters that have no effect here
};

// Parses the form that Go's driver for MySQL reads:
//
//   user:password@tcp(host:port)/database?tls=true&charset=utf8
//   user:password@unix(/run/mysqld/mysqld.sock)/database
//
// kInvalidArgument: not of this form. The message goes on after the name of the key, and quotes
// nothing, since the url holds a password.
Result<MysqlUrl> ParseMysqlUrl(const std::string& url);

}  // namespace cdc
