#pragma once

#include <string>
#include <vector>

#include "cli/view/console.h"
#include "server/config_values.h"

namespace cdc {

// Runs `milvus-cdc metastore` with the arguments after these two words on the configured store:
// export, import and forget-legacy, which no server may be using meanwhile, and check. `config` is
// the configuration file unless the arguments name another one; empty: the default one, if it
// exists. Returns the exit code of the process, see cli/exit_code.h.
int RunMetaStoreCommand(const std::vector<std::string>& arguments,
                        const std::string& config,
                        const Environment& environment,
                        const cli::Console& console);

// What the last of `words`, which follow `milvus-cdc metastore`, may be; see cli/completion.h.
std::string CompleteMetaStoreCommand(const std::vector<std::string>& words);

}  // namespace cdc
