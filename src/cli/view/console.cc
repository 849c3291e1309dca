#include "cli/view/console.h"

#include <cstdlib>
#include <iostream>

#include <sys/ioctl.h>
#include <unistd.h>

namespace cdc::cli {
namespace {

std::optional<TerminalSize> SizeOfStdout() {
  if (isatty(STDOUT_FILENO) == 0) {
    return std::nullopt;
  }
  TerminalSize size;
  winsize window{};
  // A terminal that does not know its size (a serial line) reports 0.
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 && window.ws_row > 0) {
    size.columns = window.ws_col;
    size.rows = window.ws_row;
  }
  return size;
}

std::optional<std::string> Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

}  // namespace

bool Console::Colours() const {
  return terminal().has_value() && environment("NO_COLOR").value_or("").empty() &&
         environment("TERM").value_or("") != "dumb";
}

Console ProcessConsole() {
  return {.out = &std::cout,
          .err = &std::cerr,
          .in = isatty(STDIN_FILENO) != 0 ? &std::cin : nullptr,
          .terminal = SizeOfStdout,
          .environment = Variable};
}

}  // namespace cdc::cli
