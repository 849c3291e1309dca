#include "metastore/mysql/mysql_owner.h"

#include <charconv>
#include <utility>

#include <spdlog/spdlog.h>

#include "metastore/mysql/mysql_tables.h"

namespace cdc {
namespace {

using mysql_tables::kLease;
using mysql_tables::kOwner;

constexpr std::chrono::milliseconds kLookAgain{500};
// No two owners have the same one, even if the rows have been removed, or an older state of the
// database has been put back.
constexpr const char* kNextToken =
    "GREATEST(token + 1, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)))";

std::string Sql(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts) {
    text += part;
    text += ' ';
  }
  return text;
}

std::string HolderIn(const MysqlResult& found) {
  const bool named = !found.rows.empty() && !found.rows[0][0].empty();
  return named ? found.rows[0][0] : std::string("another server");
}

}  // namespace

MysqlOwner::MysqlOwner(MysqlOwnerOptions options)
    : options_(std::move(options)),
      connection_(options_.mysql),
      ownership_(options_.place, options_.on_lost) {}

Result<std::unique_ptr<MysqlOwner>> MysqlOwner::Become(MysqlOwnerOptions options,
                                                       const std::stop_token& stop) {
  std::unique_ptr<MysqlOwner> owner(new MysqlOwner(std::move(options)));
  std::string last_holder;
  std::string trouble;
  for (;;) {
    const Result<std::string> holder = owner->TryToBecome();
    if (holder.ok() && holder->empty()) {
      break;
    }
    if (!holder.ok() && last_holder.empty()) {
      return holder.status();
    }
    if (holder.ok() && *holder != last_holder) {
      last_holder = *holder;
      spdlog::info("metastore {} is used by {}: standing by until that one ends",
                   owner->options_.place, last_holder);
    }
    if (!holder.ok() && trouble != holder.status().message()) {
      trouble = holder.status().message();
      spdlog::warn("metastore {}: standing by, {}", owner->options_.place, trouble);
    }
    if (!Pause(kLookAgain, stop)) {
      return CancelledError("stopped while another server uses the store");
    }
  }
  owner->thread_ = Thread("cdc-lease", [&owner = *owner](const std::stop_token& stopping) {
    owner.ownership_.Keep(
        owner.options_.ttl, [&owner](const std::stop_token&) { return owner.KeepOnce(); },
        stopping);
  });
  return owner;
}

MysqlOwner::~MysqlOwner() {
  thread_.RequestStop();
  thread_.Join();
  // Without a lease there is nothing to give up, and perhaps no server that answers.
  if (token_ == 0 || !Check().ok()) {
    return;
  }
  Status released = connection_.Open();
  if (released.ok()) {
    released = connection_
                   .Execute(Sql({"UPDATE", kLease, "SET lease_until = UTC_TIMESTAMP(6)", Where(),
                                 "AND token =", std::to_string(token_)}))
                   .status();
  }
  if (!released.ok()) {
    spdlog::warn("metastore {}: another server has to wait for the end of the lease: {}",
                 options_.place, released.message());
  }
}

std::string MysqlOwner::Where() const { return "WHERE root = " + MysqlLiteral(options_.root); }

std::string MysqlOwner::Until() const {
  return "UTC_TIMESTAMP(6) + INTERVAL " + std::to_string(options_.ttl.count()) + " SECOND";
}

Result<std::string> MysqlOwner::TryToBecome() {
  CDC_RETURN_IF_ERROR(connection_.Open());
  const std::string root = MysqlLiteral(options_.root);
  // Without a lock: whoever only waits must not hold up the owner.
  CDC_ASSIGN_OR_RETURN(const MysqlResult held,
                       connection_.Execute(Sql({"SELECT holder FROM", kLease, Where(),
                                                "AND lease_until > UTC_TIMESTAMP(6)"})));
  if (!held.rows.empty()) {
    return HolderIn(held);
  }
  const auto run = [this](std::initializer_list<std::string_view> parts) {
    return connection_.Execute(Sql(parts));
  };
  CDC_RETURN_IF_ERROR(
      run({"INSERT IGNORE INTO", kLease, "VALUES (", root, ", 0, '', '1970-01-01')"}).status());
  CDC_RETURN_IF_ERROR(run({"INSERT IGNORE INTO", kOwner, "VALUES (", root, ", 0)"}).status());
  const std::chrono::nanoseconds asked_at = Ownership::Now();
  CDC_RETURN_IF_ERROR(run({"START TRANSACTION"}).status());
  CDC_ASSIGN_OR_RETURN(const MysqlResult taken,
                       run({"UPDATE", kLease, "SET token = LAST_INSERT_ID(", kNextToken,
                            "), holder =", MysqlLiteral(options_.name), ", lease_until =", Until(),
                            Where(), "AND lease_until <= UTC_TIMESTAMP(6)"}));
  if (taken.affected == 0) {
    CDC_RETURN_IF_ERROR(run({"ROLLBACK"}).status());
    CDC_ASSIGN_OR_RETURN(const MysqlResult found, run({"SELECT holder FROM", kLease, Where()}));
    return HolderIn(found);
  }
  // Waits for a transaction of the earlier owner that is under way.
  CDC_RETURN_IF_ERROR(run({"UPDATE", kOwner, "SET token = LAST_INSERT_ID()", Where()}).status());
  CDC_ASSIGN_OR_RETURN(const MysqlResult token, run({"SELECT LAST_INSERT_ID()"}));
  CDC_RETURN_IF_ERROR(run({"COMMIT"}).status());
  const std::string& text = token.rows.at(0).at(0);
  std::from_chars(text.data(), text.data() + text.size(), token_);
  ownership_.Renewed(asked_at, options_.ttl);
  return std::string();
}

Status MysqlOwner::Fence(MysqlConnection* connection) {
  CDC_ASSIGN_OR_RETURN(
      const MysqlResult found,
      connection->Execute(Sql({"SELECT token FROM", kOwner, Where(), "FOR UPDATE"})));
  if (found.rows.empty() || found.rows[0][0] != std::to_string(token_)) {
    return Lose(connection);
  }
  return OkStatus();
}

Status MysqlOwner::Lose(MysqlConnection* connection) {
  const Result<MysqlResult> found =
      connection->Execute(Sql({"SELECT holder FROM", kLease, Where()}));
  return ownership_.Lose(found.ok() && !found->rows.empty() ? found->rows[0][0]
                                                            : "somebody who has removed its rows");
}

Status MysqlOwner::KeepOnce() {
  CDC_RETURN_IF_ERROR(connection_.Open());
  const std::chrono::nanoseconds asked_at = Ownership::Now();
  CDC_ASSIGN_OR_RETURN(const MysqlResult renewed,
                       connection_.Execute(Sql({"UPDATE", kLease, "SET lease_until =", Until(),
                                                Where(), "AND token =", std::to_string(token_)})));
  if (renewed.affected == 0) {
    return Lose(&connection_);
  }
  ownership_.Renewed(asked_at, options_.ttl);
  return OkStatus();
}

}  // namespace cdc
