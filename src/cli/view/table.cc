#include "cli/view/table.h"

#include <algorithm>
#include <numeric>

#include "base/status.h"
#include "cli/view/format.h"

namespace cdc::cli {
namespace {

constexpr size_t kGap = 2;

size_t TotalWidth(const std::vector<size_t>& widths) {
  return std::accumulate(widths.begin(), widths.end(), kGap * (widths.size() - 1));
}

// Takes the excess width from the columns that may shrink, always from the widest one.
void Shrink(const std::vector<Column>& columns, size_t limit, std::vector<size_t>* widths) {
  while (TotalWidth(*widths) > limit) {
    size_t widest = columns.size();
    for (size_t i = 0; i < columns.size(); ++i) {
      const bool can = columns[i].least && (*widths)[i] > *columns[i].least;
      if (can && (widest == columns.size() || (*widths)[i] > (*widths)[widest])) {
        widest = i;
      }
    }
    if (widest == columns.size()) {
      return;
    }
    --(*widths)[widest];
  }
}

std::string Line(const std::vector<Cell>& cells,
                 const std::vector<Column>& columns,
                 const std::vector<size_t>& widths,
                 const TableLayout& layout) {
  std::string line;
  size_t used = 0;     // width of the line so far
  size_t pending = 0;  // spaces to write before the next text
  for (size_t i = 0; i < cells.size(); ++i) {
    std::string text = Shorten(cells[i].text, widths[i]);
    const size_t padding = widths[i] - DisplayWidth(text);
    pending += (i == 0 ? 0 : kGap) + (columns[i].right ? padding : 0);
    if (!text.empty()) {
      if (layout.width > 0) {
        const size_t left = layout.width > used + pending ? layout.width - used - pending : 0;
        text = Shorten(text, left);
      }
      if (text.empty()) {
        break;
      }
      line.append(pending, ' ');
      used += pending + DisplayWidth(text);
      pending = 0;
      line += layout.colours ? Paint(text, cells[i].colour) : text;
    }
    pending += columns[i].right ? 0 : padding;
  }
  return line;
}

}  // namespace

std::string Paint(const std::string& text, Colour colour) {
  const char* code = "";
  switch (colour) {
    case Colour::kNone: return text;
    case Colour::kDim: code = "\x1b[2m"; break;
    case Colour::kGreen: code = "\x1b[32m"; break;
    case Colour::kYellow: code = "\x1b[33m"; break;
    case Colour::kRed: code = "\x1b[31m"; break;
  }
  return code + text + "\x1b[0m";
}

std::vector<std::string> LayOutTable(const std::vector<Column>& columns,
                                     const std::vector<std::vector<Cell>>& rows,
                                     const TableLayout& layout) {
  std::vector<Cell> titles;
  std::vector<size_t> widths;
  for (const Column& column : columns) {
    titles.push_back({column.title, Colour::kDim});
    widths.push_back(DisplayWidth(column.title));
  }
  for (const std::vector<Cell>& row : rows) {
    CDC_CHECK(row.size() == columns.size());
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], DisplayWidth(row[i].text));
    }
  }
  if (layout.width > 0) {
    Shrink(columns, layout.width, &widths);
  }
  std::vector<std::string> lines{Line(titles, columns, widths, layout)};
  for (const std::vector<Cell>& row : rows) {
    lines.push_back(Line(row, columns, widths, layout));
  }
  return lines;
}

}  // namespace cdc::cli
