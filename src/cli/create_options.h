#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/status.h"

namespace cdc::cli {

// The arguments of `task create`, as given.
struct CreateOptions {
  std::string target_uri;
  std::string token;  // already read from wherever it was
  std::vector<std::string> collections;
  std::vector<std::string> databases;
  std::vector<std::string> exclude;
  std::string start_from;
  std::string on_undecodable;
  std::string sink_mode;
  std::string id;
  std::optional<int> connect_timeout_seconds;
  bool disable_auto_start = false;
  std::vector<std::string> maps;  // "db1.a=db2.b", "db1=db2"
  bool no_sync_index = false;
  bool no_sync_load = false;
};

// The `request_data` of a create: `base` (from --file; an empty object without one) with what was
// given on the command line in its place. The collections and databases together replace the ones
// of `base`. Without any of them, and without a file, everything is covered.
//
// kInvalidArgument: a name that means nothing, or a collection or exclusion without a database
// beside --database, which could mean two things.
Result<nlohmann::ordered_json> BuildCreateRequest(const CreateOptions& options,
                                                  std::optional<nlohmann::ordered_json> base);

// Reads a file with the request data, or with a whole request of the API whose type is create.
// Errors (kInvalidArgument) never repeat the content: it may hold a token.
Result<nlohmann::ordered_json> ReadRequestFile(const std::string& path);

// The first line of a file that holds nothing else.
Result<std::string> ReadTokenFile(const std::string& path);

}  // namespace cdc::cli
