#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "cli/api_client.h"
#include "cli/console.h"
#include "cli/exit_code.h"

namespace cdc::cli {

enum class Output { kText, kJson };

// What every command needs. Both must outlive it.
struct CommandContext {
  const ApiClient& client;
  const Console& console;
  Output output = Output::kText;
};

// Prints an error to the console, ok prints nothing; returns the exit code that belongs to it.
ExitCode Report(const Console& console, const Status& status);

// Sends a request as BuildCreateRequest makes it. On stdout comes what was created or, when a
// program reads it, the id alone.
ExitCode CreateTask(const CommandContext& context, const nlohmann::ordered_json& request);

ExitCode ListTasks(const CommandContext& context);

// `id` here and below: an id or the beginning of one.
ExitCode GetTask(const CommandContext& context, const std::string& id);

// `operation` is pause, resume or delete. If one of the ids names no task nothing is done; if one
// operation fails the others are still done, and the first failure counts.
struct ChangeOptions {
  std::string operation;
  std::vector<std::string> ids;
  bool ignore_not_found = false;  // an id that names no task is not an error
  std::string on_undecodable;     // of a resume; empty: as it is
};
ExitCode ChangeTasks(const CommandContext& context, const ChangeOptions& options);

}  // namespace cdc::cli
