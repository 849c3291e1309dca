#include "cli/view/watch_view.h"

#include <algorithm>
#include <ostream>
#include <utility>

#include <fmt/format.h>

#include "cli/view/format.h"
#include "cli/view/table.h"
#include "cli/view/task_text.h"

namespace cdc::cli {
namespace {

constexpr size_t kLeastId = 8;
constexpr size_t kLeastChannel = 12;

std::string RateText(const std::optional<Rates>& rates, double Rates::* rate) {
  return rates ? FormatRate((*rates).*rate) : "-";
}

std::string MegabytesText(const std::optional<Rates>& rates) {
  return rates && rates->bytes ? FormatMegabytes(*rates->bytes) : "-";
}

std::vector<std::string> TaskLines(const WatchFrame& frame, const TableLayout& layout) {
  std::vector<std::vector<Cell>> rows;
  for (const WatchedTask& task : frame.tasks) {
    rows.push_back({{task.info.id},
                    StateCell(task.info),
                    ConditionCell(task.info),
                    {task.info.phase.empty() ? "-" : task.info.phase},
                    {RateText(task.rates, &Rates::inserted)},
                    {RateText(task.rates, &Rates::upserted)},
                    {RateText(task.rates, &Rates::deleted)},
                    {MegabytesText(task.rates)},
                    {FormatDuration(task.info.lag_ms)},
                    {FormatDuration(task.info.source_lag_ms)},
                    {FormatBytes(task.info.bytes_waiting)}});
  }
  return LayOutTable({{.title = "TASK", .least = kLeastId},
                      {.title = "STATE"},
                      {.title = "CONDITION"},
                      {.title = "PHASE"},
                      {.title = "INSERT/S", .right = true},
                      {.title = "UPSERT/S", .right = true},
                      {.title = "DELETE/S", .right = true},
                      {.title = "MB/S", .right = true},
                      {.title = "LAG", .right = true},
                      {.title = "SOURCE LAG", .right = true},
                      {.title = "WAITING", .right = true}},
                     rows, layout);
}

std::vector<std::string> ChannelLines(const TaskInfo& task, const TableLayout& layout) {
  std::vector<std::vector<Cell>> rows;
  for (const ChannelInfo& channel : task.channels) {
    rows.push_back({{"  " + channel.channel}, {FormatTime(channel.time_ms)}, {channel.position}});
  }
  std::vector<std::string> lines = LayOutTable({{.title = "  CHANNEL", .least = kLeastChannel},
                                                {.title = "ON THE TARGET UP TO"},
                                                {.title = "POSITION", .least = kLeastChannel}},
                                               rows, layout);
  return task.channels.empty() ? std::vector<std::string>() : lines;
}

// "retrying for 12.3 s: reason", for a task with a problem.
std::string Explain(const TaskInfo& task, int64_t now_unix_ms) {
  std::string text = task.id + ": " + task.condition;
  if (task.since_unix_ms > 0) {
    text += " for " + FormatDuration(now_unix_ms - task.since_unix_ms);
  }
  return task.reason.empty() ? text : text + ": " + task.reason;
}

// A value in a line of key=value, quoted if it would be ambiguous.
std::string Quoted(const std::string& text) {
  if (!text.empty() && text.find_first_of(" \"=") == std::string::npos) {
    return text;
  }
  std::string quoted = "\"";
  for (const char c : text) {
    quoted += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  }
  return quoted + "\"";
}

std::string MillisecondsText(std::optional<int64_t> milliseconds) {
  return milliseconds ? std::to_string(*milliseconds) : "-";
}

std::string PlainLine(const WatchFrame& frame, const WatchedTask& task) {
  const TaskInfo& info = task.info;
  const auto number = [&task](double Rates::* rate) {
    return task.rates ? fmt::format("{:.1f}", (*task.rates).*rate) : std::string("-");
  };
  std::string line = fmt::format(
      "time={} task={} state={} condition={} phase={} insert_per_s={} upsert_per_s={} "
      "delete_per_s={} "
      "mb_per_s={} lag_ms={} source_lag_ms={} waiting_bytes={} rows={}",
      Quoted(FormatTime(frame.now_unix_ms)), Quoted(info.id), Quoted(info.state),
      Quoted(info.condition), info.phase.empty() ? "-" : info.phase, number(&Rates::inserted),
      number(&Rates::upserted), number(&Rates::deleted),
      task.rates && task.rates->bytes ? fmt::format("{:.2f}", *task.rates->bytes / 1e6) : "-",
      MillisecondsText(info.lag_ms), MillisecondsText(info.source_lag_ms), info.bytes_waiting,
      info.rows.Total());
  return info.reason.empty() ? line : line + " reason=" + Quoted(info.reason);
}

}  // namespace

std::vector<std::string> DrawFrame(const WatchFrame& frame, TerminalSize size, bool colours) {
  const auto width = static_cast<size_t>(std::max(1, size.columns));
  const TableLayout layout{.width = width, .colours = colours};
  std::vector<std::string> lines;
  const auto add = [&](const std::string& text, Colour colour) {
    const std::string line = Shorten(text, width);
    lines.push_back(colours ? Paint(line, colour) : line);
  };
  add(fmt::format("milvus-cdc  {}  {}  Ctrl-C ends", frame.server, FormatTime(frame.now_unix_ms)),
      Colour::kDim);
  if (!frame.problem.empty()) {
    add(frame.problem, Colour::kRed);
  }
  if (frame.tasks.empty()) {
    add("no tasks", Colour::kNone);
  } else {
    for (std::string& line : TaskLines(frame, layout)) {
      lines.push_back(std::move(line));
    }
  }
  for (const WatchedTask& task : frame.tasks) {
    if (!task.info.reason.empty()) {
      add(Explain(task.info, frame.now_unix_ms), ConditionCell(task.info).colour);
    }
    if (task.info.IsCopying()) {
      add(task.info.id + ": copied " + DescribeSnapshots(task.info), Colour::kNone);
    }
    if (frame.verbose) {
      add(task.info.id + " covers " + DescribeNames(task.info.covers), Colour::kNone);
      for (std::string& line : ChannelLines(task.info, layout)) {
        lines.push_back(std::move(line));
      }
    }
  }
  // The cursor is below the last line, and lines that have scrolled away cannot be overwritten.
  const auto limit = static_cast<size_t>(std::max(2, size.rows)) - 1;
  if (lines.size() > limit) {
    const size_t hidden = lines.size() - limit + 1;
    lines.resize(limit - 1);
    add(fmt::format("… {} more lines", hidden), Colour::kDim);
  }
  return lines;
}

std::vector<std::string> FormatFrame(const WatchFrame& frame) {
  std::vector<std::string> lines;
  for (const WatchedTask& task : frame.tasks) {
    lines.push_back(PlainLine(frame, task));
    if (!frame.verbose) {
      continue;
    }
    for (const ChannelInfo& channel : task.info.channels) {
      lines.push_back(fmt::format("time={} task={} channel={} applied={} position={}",
                                  Quoted(FormatTime(frame.now_unix_ms)), Quoted(task.info.id),
                                  Quoted(channel.channel), Quoted(FormatTime(channel.time_ms)),
                                  Quoted(channel.position)));
    }
  }
  return lines;
}

void LiveScreen::Draw(const std::vector<std::string>& lines) {
  // Overwrites instead of clearing first, which would flicker.
  std::string text = drawn_ > 0 ? fmt::format("\x1b[{}A\r", drawn_) : "\r";
  for (const std::string& line : lines) {
    text += line + "\x1b[K\n";
  }
  text += "\x1b[J";
  *out_ << text << std::flush;
  drawn_ = lines.size();
}

}  // namespace cdc::cli
