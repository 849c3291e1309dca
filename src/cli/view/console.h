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

// Where a command writes, and its environment. The streams must outlive it.
struct Console {
  std::ostream* out = nullptr;
  std::ostream* err = nullptr;
  std::istream* in = nullptr;  // of a person who can be asked; nullptr: there is none
  // The size of the terminal behind `out`, queried on each call because it may be resized; nullopt:
  // a pipe or a file, read by a program.
  std::function<std::optional<TerminalSize>()> terminal;
  std::function<std::optional<std::string>(const char*)> environment;

  // Whether to use colours: on a terminal, unless NO_COLOR is set.
  bool Colours() const;
};

// The console of this process.
Console ProcessConsole();

}  // namespace cdc::cli
