#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/view/console.h"

namespace CLI {
class App;
}

namespace cdc::cli {

// A shell asks `milvus-cdc __complete WORDS…` what the last, unfinished word may be. The answer
// comes from the commands as they are parsed, so that it is always right for this program.
inline constexpr const char* kCompleteCommand = "__complete";

// The script that makes `shell` ask: bash, zsh or fish.
std::string CompletionScript(const std::string& shell);

// What the last of `words`, which follow the command of `app`, may be: a line each, the word and
// after a tab what it means. `task_ids` is called if it may be the id of a task.
std::string Complete(const CLI::App& app,
                     const std::vector<std::string>& words,
                     const std::function<std::vector<std::string>()>& task_ids);

}  // namespace cdc::cli
