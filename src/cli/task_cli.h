#pragma once

#include <string>
#include <vector>

#include "cli/view/console.h"

namespace cdc::cli {

// Runs `milvus-cdc task` with the arguments after these two words and returns the exit code of the
// process (exit_code.h). Call it from main, before any thread exists. The default server comes from
// the environment variable MILVUS_CDC_SERVER, the configuration file (cli_config.h), otherwise
// http://127.0.0.1:8444.
int RunTaskCommand(const std::vector<std::string>& arguments, const Console& console);

// What the last of `words`, which follow `milvus-cdc task`, may be; see completion.h.
std::string CompleteTaskCommand(const std::vector<std::string>& words, const Console& console);

}  // namespace cdc::cli
