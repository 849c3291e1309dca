#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "base/testing/child_process.h"
#include "metastore/mysql/mysql_options.h"

namespace cdc {

// Whether MariaDB's server is installed.
bool HasMariadb();

// A real MariaDB with its own data folder, reached through a socket; the destructor removes both.
// Use it from one thread.
class MariadbProcess {
 public:
  // Returns when the server answers. It has an empty database and a user who may do anything there.
  static Result<std::unique_ptr<MariadbProcess>> Start();
  ~MariadbProcess();
  MariadbProcess(const MariadbProcess&) = delete;
  MariadbProcess& operator=(const MariadbProcess&) = delete;

  // Kills it with SIGKILL.
  void Kill() { process_.Kill(); }
  // Starts it again on its data.
  Status Restart();

  const MysqlOptions& options() const { return options_; }

 private:
  MariadbProcess() = default;
  Status Install();
  Status Launch();

  std::string folder_;
  MysqlOptions options_;
  ChildProcess process_;
};

// The url of a database as a text of YAML.
std::string YamlUrlOf(const MysqlOptions& options);

// One for the whole test program, because to install one takes seconds: each test has a root path
// of its own.
const Result<std::unique_ptr<MariadbProcess>>& SharedMariadb();

}  // namespace cdc
