#pragma once

#include <string>

#include "base/status.h"

namespace cdc::cli {

// What the process returns; scripts depend on the numbers (docs/cli.md).
enum class ExitCode : int {
  kOk = 0,
  kRefused = 1,        // the server said no, or a task cannot do what was asked
  kUsage = 2,          // the command line, or a file it names, is wrong
  kUnreachable = 3,    // no server, no answer in time, or not a milvus-cdc
  kInterrupted = 130,  // Ctrl-C before what was waited for
};

// kInvalidArgument: usage; kUnavailable: unreachable; kCancelled: interrupted; other errors:
// refused.
ExitCode ExitCodeOf(const Status& status);

// The error as it goes to stderr, with what to do about it if that is known; ends with a newline.
std::string DescribeFailure(const Status& status);

}  // namespace cdc::cli
