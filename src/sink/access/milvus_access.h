#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "milvus/access_client.h"
#include "milvus/milvus_channel.h"
#include "sink/access_sink.h"

namespace cdc {

// The users and roles of a Milvus, whatever its rows are written by.
class MilvusAccess final : public AccessSink {
 public:
  // `channel` must outlive this. `timeout`: of each call.
  MilvusAccess(MilvusChannel* channel, std::chrono::milliseconds timeout)
      : channel_(channel), timeout_(timeout) {}

  Result<AccessSet> ListUsersAndRoles(const std::stop_token& stop) override;
  Result<AccessSet> ListGrants(const std::string& role,
                               const std::string& database,
                               const std::stop_token& stop) override;
  Status Apply(const AccessChange& change, const std::stop_token& stop) override;
  Status CreateUser(const std::string& user,
                    const std::string& password,
                    const std::stop_token& stop) override;
  Result<bool> ChangePassword(const std::string& user,
                              const std::string& old_password,
                              const std::string& new_password,
                              const std::stop_token& stop) override;

 private:
  AccessClient Client(const std::stop_token& stop);

  MilvusChannel* const channel_;
  const std::chrono::milliseconds timeout_;
};

}  // namespace cdc
