#include "metastore/mysql/testing/mariadb_process.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <thread>

#include <pwd.h>
#include <unistd.h>

#include "base/testing/eventually.h"
#include "metastore/mysql/mysql_connection.h"

namespace cdc {
namespace {

constexpr const char* kServer = "/usr/sbin/mariadbd";
constexpr const char* kInstaller = "/usr/bin/mariadb-install-db";

std::string UserName() {
  const passwd* const entry = getpwuid(geteuid());
  return entry == nullptr ? "root" : entry->pw_name;
}

}  // namespace

bool HasMariadb() { return access(kServer, X_OK) == 0 && access(kInstaller, X_OK) == 0; }

std::string YamlUrlOf(const MysqlOptions& options) {
  const std::string url =
      options.user + ":" + options.password + "@unix(" + options.socket + ")/" + options.database;
  std::string text = "'";
  for (const char c : url) {
    text += c == '\'' ? "''" : std::string(1, c);
  }
  return text + "'";
}

const Result<std::unique_ptr<MariadbProcess>>& SharedMariadb() {
  static const auto shared = MariadbProcess::Start();
  return shared;
}

Result<std::unique_ptr<MariadbProcess>> MariadbProcess::Start() {
  std::unique_ptr<MariadbProcess> process(new MariadbProcess);
  std::string folder = (std::filesystem::temp_directory_path() / "cdc_maria_XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) {
    return InternalError("cannot make a folder: " + folder);
  }
  process->folder_ = folder;
  process->options_ = {
      .user = "cdc", .password = "se'cret", .socket = folder + "/socket", .database = "milvuscdc"};
  CDC_RETURN_IF_ERROR(process->Install());
  CDC_RETURN_IF_ERROR(process->Launch());
  return process;
}

MariadbProcess::~MariadbProcess() {
  Kill();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Status MariadbProcess::Install() {
  std::ofstream(folder_ + "/init.sql")
      << "CREATE DATABASE IF NOT EXISTS milvuscdc;\n"
      << "CREATE USER IF NOT EXISTS cdc@'%' IDENTIFIED BY 'se''cret';\n"
      << "CREATE USER IF NOT EXISTS cdc@localhost IDENTIFIED BY 'se''cret';\n"
      << "GRANT ALL ON milvuscdc.* TO cdc@'%';\n"
      << "GRANT ALL ON milvuscdc.* TO cdc@localhost;\n";
  ChildProcess installer;
  CDC_RETURN_IF_ERROR(installer.Start(
      {kInstaller, "--no-defaults", "--datadir=" + folder_ + "/data", "--skip-test-db",
       "--auth-root-authentication-method=normal", "--user=" + UserName()},
      folder_ + "/log"));
  return installer.Wait() == 0 ? OkStatus() : InternalError("mariadb-install-db has failed");
}

Status MariadbProcess::Restart() {
  Kill();
  return Launch();
}

Status MariadbProcess::Launch() {
  CDC_RETURN_IF_ERROR(process_.Start(
      {kServer, "--no-defaults", "--datadir=" + folder_ + "/data", "--socket=" + options_.socket,
       "--skip-networking", "--user=" + UserName(), "--init-file=" + folder_ + "/init.sql",
       "--pid-file=" + folder_ + "/pid", "--innodb-flush-log-at-trx-commit=2"},
      folder_ + "/log"));
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  Status last;
  while (std::chrono::steady_clock::now() < deadline) {
    last = MysqlConnection(options_).Open();
    if (last.ok()) {
      return last;
    }
    if (process_.HasEnded()) {
      std::ifstream log(folder_ + "/log");
      return InternalError("mariadbd has ended: " +
                           std::string(std::istreambuf_iterator<char>(log), {}));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // a poll of another process
  }
  return last.WithContext("mariadbd is not ready");
}

}  // namespace cdc
