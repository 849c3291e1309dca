#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/status.h"

namespace cdc::cli {

// The arguments of `task create` as given.
struct CreateOptions {
  std::string target_uri;
  std::string token;  // already read from its source
  std::vector<std::string> collections;
  std::vector<std::string> databases;
  std::vector<std::string> exclude;
  std::string start_from;
  std::string stop_at;
  std::string snapshot_from;
  std::string snapshot_index;
  std::string snapshot_log;
  std::string on_expired;
  std::string on_collection_error;
  std::string on_undecodable;
  std::string sink_mode;
  std::string id;
  std::optional<int> connect_timeout_seconds;
  bool disable_auto_start = false;
  std::vector<std::string> maps;  // "db1.a=db2.b", "db1=db2"
  bool no_sync_index = false;
  bool no_sync_load = false;
  bool enable_user_role = false;
  bool dry_run = false;
};

// Builds the `request_data` of a create: `base` (from --file, or an empty object) overridden by the
// command line. The collections and databases given there replace all of those in `base`. With
// neither of them and without a file, everything is covered.
//
// kInvalidArgument: an invalid name, or a collection or exclusion without a database next to
// --database, which would be ambiguous.
Result<nlohmann::ordered_json> BuildCreateRequest(const CreateOptions& options,
                                                  std::optional<nlohmann::ordered_json> base);

// Reads a file with the request data, or with a whole create request of the API. Errors
// (kInvalidArgument) never quote the content: it may hold a token.
Result<nlohmann::ordered_json> ReadRequestFile(const std::string& path);

// Reads the single line of a file; the file may hold nothing else.
Result<std::string> ReadTokenFile(const std::string& path);

}  // namespace cdc::cli
