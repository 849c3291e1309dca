#pragma once

#include <string>
#include <vector>

#include "cli/console.h"

namespace cdc::cli {

// Runs `milvus-cdc task` with what follows these two words, and returns the exit code of the
// process (exit_code.h). To be called from main, before any thread exists. The default server is
// that of the environment variable MILVUS_CDC_SERVER, else http://127.0.0.1:8444.
int RunTaskCommand(const std::vector<std::string>& arguments, const Console& console);

}  // namespace cdc::cli
