#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "metastore/meta_store.h"
#include "metastore/mysql/mysql_connection.h"
#include "metastore/mysql/mysql_options.h"
#include "metastore/new_store.h"

namespace cdc {

struct MysqlMetaStoreOptions {
  MysqlOptions mysql{};
  std::string root_path{};  // stores with different ones share the database
  std::string name{};       // who this server is, for the messages of others
  std::chrono::seconds lease_ttl{8};
  NewStore if_new = NewStore::kTakeOver;
  // Called once, on any thread, when another server has taken the store over. From then on all
  // calls fail.
  std::function<void(const Status&)> on_lost{};
  const Clock* clock = &Clock::Real();
};

// A root path as rows have it: without slashes at its end.
std::string MysqlStoreRoot(std::string root_path);

// For messages: where the rows of `root` are.
std::string MysqlPlaceOf(const MysqlConnection& connection, const std::string& root);

// Creates the tables if needed, and waits until no other server uses the store, see
// MysqlOwner::Become; kCancelled if it is stopped meanwhile. A new store begins with what the
// earlier program has stored under the same root path.
Result<std::unique_ptr<MetaStore>> OpenMysqlMetaStore(MysqlMetaStoreOptions options,
                                                      const std::stop_token& stop);

}  // namespace cdc
