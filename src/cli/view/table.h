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
  bool right = false;  // right-aligned, for numbers
  // The width to which it may be cut on a narrow terminal; nullopt: never cut.
  std::optional<size_t> least;
};

struct TableLayout {
  size_t width = 0;  // columns of the terminal; 0: unlimited
  bool colours = false;
};

// Lays out `rows` (each with one cell per column) under the titles: columns as wide as their
// content, two spaces apart. If that is wider than the terminal, the widest column that may be cut
// shrinks first, its texts ending with "…"; if that is not enough, lines are cut at the edge so
// that none wraps. Returns lines without newlines or trailing spaces.
std::vector<std::string> LayOutTable(const std::vector<Column>& columns,
                                     const std::vector<std::vector<Cell>>& rows,
                                     const TableLayout& layout);

}  // namespace cdc::cli
