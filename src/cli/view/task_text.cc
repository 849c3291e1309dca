#include "cli/view/task_text.h"

#include <algorithm>
#include <utility>

#include "cli/view/drain_view.h"
#include "cli/view/format.h"

namespace cdc::cli {
namespace {

constexpr size_t kNamed = 3;
constexpr size_t kLeastText = 8;

std::string OrDash(const std::string& text) { return text.empty() ? "-" : text; }

std::string DescribeRows(const RowCounts& rows) {
  return FormatCount(rows.inserted) + " inserted, " + FormatCount(rows.upserted) + " upserted, " +
         FormatCount(rows.deleted) + " deleted";
}

std::string DescribeTarget(const TaskInfo& task) {
  std::string text = OrDash(task.target);
  if (!task.target_version.empty()) {
    text += " (" + task.target_version + ")";
  }
  return text;
}

std::string DescribeCondition(const TaskInfo& task, int64_t now_unix_ms) {
  std::string text = OrDash(task.condition);
  if (task.since_unix_ms > 0) {
    text += " since " + FormatTime(task.since_unix_ms) + " (" +
            FormatDuration(now_unix_ms - task.since_unix_ms) +
            (task.attempts > 1 ? ", " + std::to_string(task.attempts) + " attempts)" : ")");
  }
  return text;
}

// Empty: everything is copied.
std::string DescribeSelection(const SnapshotInfo& snapshot) {
  std::string text;
  for (const std::string& partition : snapshot.partitions) {
    text += (text.empty() ? "partitions " : ", ") + partition;
  }
  if (!snapshot.filter.empty()) {
    text += (text.empty() ? "" : ", ") + ("rows with " + snapshot.filter);
  }
  return text;
}

// Names and values in two columns; a value with several lines continues below itself.
class Fields {
 public:
  void Add(const std::string& name, const std::string& value, Colour colour = Colour::kNone) {
    rows_.push_back({{name, Colour::kDim}, {value, colour}});
  }

  void AddList(const std::string& name, const std::vector<std::string>& values) {
    if (values.empty()) {
      Add(name, "-");
    }
    for (size_t i = 0; i < values.size(); ++i) {
      Add(i == 0 ? name : "", values[i]);
    }
  }

  // Nothing is cut, even if a line then takes several lines of the terminal: all was asked for.
  std::vector<std::string> Lines(const TableLayout& layout) const {
    std::vector<std::string> lines =
        LayOutTable({{""}, {""}}, rows_, {.width = 0, .colours = layout.colours});
    lines.erase(lines.begin());
    return lines;
  }

 private:
  std::vector<std::vector<Cell>> rows_;
};

void AppendChannels(const TaskInfo& task,
                    const TableLayout& layout,
                    std::vector<std::string>* lines) {
  if (task.channels.empty()) {
    return;
  }
  std::vector<std::vector<Cell>> rows;
  for (const ChannelInfo& channel : task.channels) {
    rows.push_back({{channel.channel}, {FormatTime(channel.time_ms)}, {channel.position}});
  }
  lines->emplace_back();
  for (std::string& line : LayOutTable({{"CHANNEL"}, {"ON THE TARGET UP TO"}, {"POSITION"}}, rows,
                                       {.width = 0, .colours = layout.colours})) {
    lines->push_back(std::move(line));
  }
}

}  // namespace

Cell StateCell(const TaskInfo& task) {
  return {OrDash(task.state), task.IsRunning() ? Colour::kNone : Colour::kYellow};
}

Cell ConditionCell(const TaskInfo& task) {
  Colour colour = Colour::kYellow;
  if (task.condition == "ok") {
    colour = Colour::kGreen;
  } else if (task.condition == "failed") {
    colour = Colour::kRed;
  }
  return {OrDash(task.condition), colour};
}

std::string DescribeNames(const std::vector<std::string>& names) {
  if (std::find(names.begin(), names.end(), "*.*") != names.end()) {
    return "everything";
  }
  std::string text;
  for (size_t i = 0; i < names.size() && i < kNamed; ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  if (names.size() > kNamed) {
    text += ", +" + std::to_string(names.size() - kNamed);
  }
  return OrDash(text);
}

std::vector<std::string> FormatTaskList(const std::vector<TaskInfo>& tasks,
                                        const TableLayout& layout) {
  if (tasks.empty()) {
    return {"no tasks; `milvus-cdc task create --target-uri http://host:port` makes one"};
  }
  std::vector<std::vector<Cell>> rows;
  for (const TaskInfo& task : tasks) {
    rows.push_back({{task.id},
                    StateCell(task),
                    ConditionCell(task),
                    {OrDash(task.target)},
                    {DescribeNames(task.covers)},
                    {FormatDuration(task.lag_ms)},
                    {FormatCount(task.rows.Total())}});
  }
  return LayOutTable({{.title = "ID", .least = kLeastText},
                      {.title = "STATE"},
                      {.title = "CONDITION"},
                      {.title = "TARGET", .least = kLeastText},
                      {.title = "COVERS", .least = kLeastText},
                      {.title = "LAG", .right = true},
                      {.title = "ROWS", .right = true}},
                     rows, layout);
}

std::string DescribeSnapshots(const TaskInfo& task) {
  if (task.snapshots.empty()) {
    return "";
  }
  const auto open = std::find_if(task.snapshots.begin(), task.snapshots.end(),
                                 [](const SnapshotInfo& snapshot) { return !snapshot.done; });
  const auto done = std::count_if(task.snapshots.begin(), task.snapshots.end(),
                                  [](const SnapshotInfo& snapshot) { return snapshot.done; });
  std::string text =
      std::to_string(done) + " of " + std::to_string(task.snapshots.size()) + " collections";
  if (open != task.snapshots.end() && open->total_rows > 0) {
    text += ", " + FormatCount(open->rows) + " of " + FormatCount(open->total_rows) + " rows of " +
            open->collection;
    if (open->rows_per_second > 0) {
      text += ", " + FormatRate(open->rows_per_second) + " rows/s, " +
              FormatMegabytes(open->bytes_per_second) + " MB/s";
    }
    if (open->seconds_left) {
      text += ", " + FormatDuration(*open->seconds_left * 1000) + " left";
    }
    text += open->log_applied ? "; the log is applied meanwhile" : "";
  }
  return text;
}

std::vector<std::string> FormatTaskDetails(const TaskInfo& task,
                                           int64_t now_unix_ms,
                                           const TableLayout& layout) {
  Fields fields;
  fields.Add("id", task.id);
  const Cell state = StateCell(task);
  fields.Add("state", state.text, state.colour);
  fields.Add("condition", DescribeCondition(task, now_unix_ms), ConditionCell(task).colour);
  if (!task.reason.empty()) {
    fields.Add("reason", task.reason);
  }
  fields.Add("phase", OrDash(task.phase));
  fields.Add("target", DescribeTarget(task));
  fields.Add("sink", OrDash(task.sink_mode) +
                         (task.sink_mode_reason.empty() ? "" : ": " + task.sink_mode_reason));
  fields.AddList("scope", task.scope);
  if (!task.excluded.empty()) {
    fields.AddList("excluded", task.excluded);
  }
  if (!task.left_to_others.empty()) {
    fields.AddList("left to others", task.left_to_others);
  }
  if (!task.maps.empty()) {
    fields.AddList("renamed", task.maps);
  }
  fields.AddList("covers now", task.covers);
  fields.Add("start from", OrDash(task.start_from));
  if (task.stop_at > 0) {
    fields.Add("stop at", FormatHybrid(task.stop_at));
  }
  if (!task.snapshots.empty()) {
    fields.Add("copied", DescribeSnapshots(task));
  }
  for (const SnapshotInfo& snapshot : task.snapshots) {
    if (const std::string selection = DescribeSelection(snapshot); !selection.empty()) {
      fields.Add("selected", snapshot.collection + ": " + selection);
    }
  }
  for (const SetAsideInfo& aside : task.set_aside) {
    fields.Add("set aside", aside.collection + ": " + aside.reason, Colour::kYellow);
  }
  fields.Add("auto start",
             task.disable_auto_start ? "no: paused after a restart of the server" : "yes");
  if (!task.sync_index || !task.sync_load) {
    fields.Add("left to target", task.sync_index  ? "load"
                                 : task.sync_load ? "indexes"
                                                  : "indexes, load");
  }
  if (task.dry_run) {
    fields.Add("dry run", "nothing is written to the target, no position is saved",
               Colour::kYellow);
  }
  fields.Add("lag", FormatDuration(task.lag_ms));
  fields.Add("source lag", FormatDuration(task.source_lag_ms));
  fields.Add("rows", DescribeRows(task.rows));
  if (task.bytes_written) {
    fields.Add("written", FormatBytes(*task.bytes_written));
  }
  fields.Add("waiting", FormatBytes(task.bytes_waiting));
  if (task.skipped > 0) {
    fields.Add("skipped", FormatCount(task.skipped) + " records", Colour::kYellow);
    fields.Add("last skipped", task.last_skipped);
  }
  std::vector<std::string> lines = fields.Lines(layout);
  AppendChannels(task, layout, &lines);
  return lines;
}

}  // namespace cdc::cli
