#include "cli/view/plan_view.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "cli/view/json_reading.h"
#include "cli/view/table.h"

namespace cdc::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kLeastTextWidth = 40;
constexpr size_t kWidthForPrograms = 120;

// At blanks; a word that is longer than `width` stays whole.
std::vector<std::string> Wrap(const std::string& text, size_t width) {
  std::vector<std::string> lines;
  std::string line;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (!line.empty() && line.size() + 1 + word.size() > width) {
      lines.push_back(std::exchange(line, ""));
    }
    line += (line.empty() ? "" : " ") + word;
    at = end + 1;
  }
  lines.push_back(line);
  return lines;
}

Colour ColourOf(const std::string& severity) {
  return severity == "error"     ? Colour::kRed
         : severity == "warning" ? Colour::kYellow
         : severity == "ok"      ? Colour::kGreen
                                 : Colour::kNone;
}

// The width of the columns before the text, with the blanks between them.
size_t WidthBefore(const Json& items) {
  size_t area = 4;
  size_t object = 6;
  for (const Json& item : items) {
    area = std::max(area, Text(item, "area").size());
    object = std::max(object, Text(item, "object").size());
  }
  return 8 + 2 + area + 2 + object + 2;
}

void AddRows(const Json& item, size_t width, std::vector<std::vector<Cell>>* rows) {
  const std::string severity = Text(item, "severity");
  bool first = true;
  for (const std::string& line : Wrap(Text(item, "finding"), width)) {
    rows->push_back({{first ? severity : "", ColourOf(severity)},
                     {first ? Text(item, "area") : "", Colour::kNone},
                     {first ? Text(item, "object") : "", Colour::kNone},
                     {line, Colour::kNone}});
    first = false;
  }
  const std::string cure = Text(item, "cure");
  if (cure.empty()) {
    return;
  }
  for (const std::string& line : Wrap("cure: " + cure, width)) {
    rows->push_back({{}, {}, {}, {line, Colour::kDim}});
  }
}

std::string Conclusion(const Json& plan) {
  const Json& summary = Member(plan, "summary");
  const auto count = [&summary](const char* severity) {
    const Json& value = Member(summary, severity);
    return value.is_number_integer() ? value.dump() : std::string("?");
  };
  const Json& can_start = Member(plan, "can_start");
  const bool starts = can_start.is_boolean() && can_start.get<bool>();
  return std::string(starts ? "the task can start" : "the task cannot start") + ": errors " +
         count("error") + ", warnings " + count("warning") + ", notes " + count("note") + ", ok " +
         count("ok");
}

}  // namespace

std::vector<std::string> FormatPlan(const Json& plan, const Console& console) {
  const std::optional<TerminalSize> terminal = console.terminal();
  const size_t whole = terminal ? static_cast<size_t>(terminal->columns) : kWidthForPrograms;
  const Json& items = Member(plan, "items");
  const size_t before = WidthBefore(items);
  const size_t width = std::max(kLeastTextWidth, whole > before ? whole - before : 0);
  std::vector<std::vector<Cell>> rows;
  for (const Json& item : items) {
    AddRows(item, width, &rows);
  }
  std::vector<std::string> lines = LayOutTable(
      {{.title = "SEVERITY"}, {.title = "AREA"}, {.title = "OBJECT"}, {.title = "FINDING"}}, rows,
      {.width = 0, .colours = console.Colours()});
  lines.emplace_back();
  lines.push_back(Conclusion(plan));
  return lines;
}

}  // namespace cdc::cli
