#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

namespace cdc::cli {

struct TerminalSize {
  int columns = 80;
  int rows = 24;
};

// Where a command writes and what it knows of its surroundings. The streams must outlive it.
struct Console {
  std::ostream* out = nullptr;
  std::ostream* err = nullptr;
  // The terminal that `out` is, asked anew each time because a person may resize it; nullopt: a
  // pipe or a file, read by a program.
  std::function<std::optional<TerminalSize>()> terminal;
  std::function<std::optional<std::string>(const char*)> environment;

  // Whether to use colours: a terminal, and NO_COLOR is not set.
  bool Colours() const;
};

// The console of this process.
Console ProcessConsole();

}  // namespace cdc::cli
