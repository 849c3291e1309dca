#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/status.h"
#include "base/thread.h"
#include "metastore/mysql/mysql_connection.h"
#include "metastore/records/ownership.h"

namespace cdc {

struct MysqlOwnerOptions {
  MysqlOptions mysql{};
  std::string root{};   // of the store
  std::string place{};  // for messages: where the store is
  std::string name{};   // for messages: who this process is
  std::chrono::seconds ttl{8};
  // Called once, on any thread, when another process has taken the store over.
  std::function<void(const Status&)> on_lost{};
};

// One process at a time owns the records of a root path: the one whose token, which grows with each
// owner, is stored in two rows. The row of the lease says until when, by the server's clock, nobody
// else may take it. Each transaction of an owner looks at the other row and locks it, so that
// nothing of an earlier owner can be written any more, whatever it believes. If the lease has ended
// and nobody else has taken it (the server was away), the owner renews it and goes on.
//
// Thread-safe. Its thread keeps the lease.
class MysqlOwner {
 public:
  // Returns when this process is the owner. While another one is, logs which, and waits for its
  // end: at most `ttl` and a second if it dies. kCancelled: stopped meanwhile. Others: the database
  // cannot be used; while it waits it tries again instead. The tables must exist.
  static Result<std::unique_ptr<MysqlOwner>> Become(MysqlOwnerOptions options,
                                                    const std::stop_token& stop);
  // Gives the lease up, so that another process need not wait.
  ~MysqlOwner();
  MysqlOwner(const MysqlOwner&) = delete;
  MysqlOwner& operator=(const MysqlOwner&) = delete;

  // In the transaction of `connection`: locks the owner's row until its end. kFailedPrecondition:
  // another process is the owner.
  Status Fence(MysqlConnection* connection);

  // As MetaStore::CheckOwned: whether the lease has certainly not ended.
  Status Check() const { return ownership_.Check(); }

 private:
  explicit MysqlOwner(MysqlOwnerOptions options);

  // The holder, if that is another process; empty: this process is the owner now.
  Result<std::string> TryToBecome();
  Status KeepOnce();
  Status Lose(MysqlConnection* connection);
  std::string Where() const;  // the condition for this store's row
  std::string Until() const;  // the end of a lease that begins now

  const MysqlOwnerOptions options_;
  MysqlConnection connection_;  // of the thread, once it runs
  int64_t token_ = 0;           // set once
  Ownership ownership_;
  Thread thread_;  // nothing may be declared after it: it uses what is above
};

}  // namespace cdc
