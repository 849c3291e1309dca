#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace cdc::cli {

enum class Colour { kNone, kDim, kGreen, kYellow, kRed };

// `text` in a colour, for a terminal.
std::string Paint(const std::string& text, Colour colour);

struct Cell {
  std::string text;
  Colour colour = Colour::kNone;
};

struct Column {
  std::string title;
  bool right = false;  // numbers
  // How far it may be cut on a narrow terminal; nullopt: never.
  std::optional<size_t> least;
};

struct TableLayout {
  size_t width = 0;  // columns of the terminal; 0: as wide as it gets
  bool colours = false;
};

// Lays out `rows` (each with a cell a column) under the titles: columns as wide as their content,
// two spaces apart. If that is wider than the terminal, the widest column that may be cut gives way
// first, its texts ending with "…"; if even that is too wide, the lines are cut at the edge, so
// that none ever fills two lines. Returns lines without newlines and without trailing spaces.
std::vector<std::string> LayOutTable(const std::vector<Column>& columns,
                                     const std::vector<std::vector<Cell>>& rows,
                                     const TableLayout& layout);

}  // namespace cdc::cli
