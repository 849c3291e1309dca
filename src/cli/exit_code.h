#pragma once

#include <span>
#include <string>

#include "base/status.h"

namespace cdc::cli {

// The exit codes of the process; scripts depend on the numbers (docs/cli.md).
enum class ExitCode : int {
  kOk = 0,
  kRefused = 1,        // the server refused, or it cannot be done
  kUsage = 2,          // an error in the command line or in a file it names
  kUnreachable = 3,    // no server (or store), no answer in time, or not a milvus-cdc
  kDamaged = 4,        // `metastore check` has found records that cannot be read
  kCannotStart = 5,    // of `plan`: a create would be refused
  kInterrupted = 130,  // Ctrl-C before the wait was over
};

struct ExitCodeMeaning {
  ExitCode code;
  const char* meaning;  // for people, a few words
};

// All of them, sorted.
std::span<const ExitCodeMeaning> ExitCodes();

// kInvalidArgument: usage; kUnavailable: unreachable; kCancelled: interrupted; other errors:
// refused.
ExitCode ExitCodeOf(const Status& status);

// The error text for stderr, with a hint if one is known; ends with a newline.
std::string DescribeFailure(const Status& status);

}  // namespace cdc::cli
