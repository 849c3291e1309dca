#pragma once

#include <cstdio>
#include <exception>
#include <functional>
#include <string>

#include <CLI/CLI.hpp>

#include "base/status.h"

namespace cdc {

// The main function of a small program of the tests or benches: reads the options of `app`, runs
// `run`, and prints its error behind `name`. Returns the exit code.
inline int RunProgram(const std::string& name,
                      CLI::App* app,
                      int argc,
                      char** argv,
                      const std::function<Status()>& run) {
  Status status;
  try {
    CLI11_PARSE(*app, argc, argv);
    status = run();
  } catch (const std::exception& error) {
    status = InternalError(error.what());
  }
  if (!status.ok()) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), status.ToString().c_str());
    return 1;
  }
  return 0;
}

}  // namespace cdc
