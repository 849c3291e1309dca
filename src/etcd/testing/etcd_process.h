#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/testing/child_process.h"

namespace cdc {

// Whether the `etcd` binary is installed.
bool HasEtcdBinary();

struct EtcdProcessOptions {
  std::vector<std::string> arguments{};  // additional arguments of the etcd binary
  // PEM files: serves TLS and demands a client certificate signed by `ca_file`.
  std::string ca_file{};
  std::string cert_file{};
  std::string key_file{};
};

// A real one-member etcd with its own data folder; the destructor removes both. Use it from one
// thread. Writes use the credentials of EnableAuth, if any.
class EtcdProcess {
 public:
  // Returns when the server answers.
  static Result<std::unique_ptr<EtcdProcess>> Start(EtcdProcessOptions options = {});
  ~EtcdProcess();
  EtcdProcess(const EtcdProcess&) = delete;
  EtcdProcess& operator=(const EtcdProcess&) = delete;

  // Kills it with SIGKILL.
  void Kill() { process_.Kill(); }
  struct RestartOptions {
    bool wipe = false;       // empties the data first
    bool elsewhere = false;  // on another port, where existing clients do not find it
  };
  // Kills it with SIGKILL and restarts it on its data and, unless `elsewhere`, on its first port.
  Status Restart(RestartOptions options);
  Status Restart() { return Restart({}); }

  // Its address for clients (unless it was restarted elsewhere).
  const std::string& endpoint() const { return endpoint_; }

  // Each returns the revision of the change.
  int64_t Put(const std::string& key, const std::string& value);
  int64_t Delete(const std::string& key);
  struct Change {
    std::string key{};
    std::string value{};
    bool deleted = false;
  };
  int64_t Txn(const std::vector<Change>& changes);

  Status Compact(int64_t revision);
  // Creates `user` (must be "root") with this password and turns authentication on.
  Status EnableAuth(const std::string& user, const std::string& password);

 private:
  struct Stubs;

  explicit EtcdProcess(EtcdProcessOptions options);
  Status Connect(const std::string& endpoint);
  Status Launch();
  Status WaitUntilReady();
  Status Login();

  const EtcdProcessOptions options_;
  std::string folder_;
  std::string scheme_;
  std::string endpoint_;
  std::string current_endpoint_;
  std::string peer_;
  std::string user_;
  std::string password_;
  std::string token_;
  ChildProcess process_;
  std::unique_ptr<Stubs> stubs_;
};

}  // namespace cdc
