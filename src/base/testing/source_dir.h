#pragma once

#include <cstdlib>
#include <string>

namespace cdc {

// The root of the source tree, for tests that read files from it: ctest passes it in the
// environment; otherwise it is the working directory.
inline std::string SourceDir() {
  const char* const told = std::getenv("CDC_SOURCE_DIR");
  return told == nullptr ? "." : told;
}

}  // namespace cdc
