#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/clock.h"
#include "cli/api_client.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/view/console.h"

namespace cdc::cli {

// What every command needs. Client, console and clock must outlive it.
struct CommandContext {
  const ApiClient& client;
  const Console& console;
  Output output = Output::kTable;
  const Clock* clock = &Clock::Real();
};

// Prints an error (nothing if OK) to the console and returns its exit code.
ExitCode Report(const Console& console, const Status& status);

// Sends a request made by BuildCreateRequest. Stdout gets what was created, or only the id if a
// program reads it.
ExitCode CreateTask(const CommandContext& context, const nlohmann::ordered_json& request);

ExitCode ListTasks(const CommandContext& context);

// `id` here and below: an id, or a unique beginning of one.
ExitCode GetTask(const CommandContext& context, const std::string& id);

// `operation` is pause, resume or delete. If any id names no task nothing is done. If an operation
// fails the others are still done, and the first failure determines the exit code.
struct ChangeOptions {
  std::string operation;
  std::vector<std::string> ids;
  bool ignore_not_found = false;  // an id without a task is not an error
  std::string on_undecodable;     // for resume; empty: unchanged
  std::string stop_at;            // likewise
  std::string positions_file;     // for resume of one task: from where collections are read
  bool force = false;             // goes with it
};
ExitCode ChangeTasks(const CommandContext& context, const ChangeOptions& options);

// Changes collections of a task.
struct CollectionOptions {
  std::string request;  // retry, set_aside or snapshot
  std::string id;
  std::vector<std::string>
      collections;  // name or db.name; empty, for retry: all that are set aside
  // Of a snapshot: what is copied, or that it ends.
  std::vector<std::string> partitions;  // empty: all
  std::string filter;                   // empty: all rows
  bool cancel = false;
};
ExitCode ChangeCollections(const CommandContext& context, const CollectionOptions& options);

// Changes what was asked for in the create of a task: `patch` is what is to be different. Stdout
// gets what that means for the rows of collections.
ExitCode UpdateTask(const CommandContext& context,
                    const std::string& id,
                    const nlohmann::ordered_json& patch);

}  // namespace cdc::cli
