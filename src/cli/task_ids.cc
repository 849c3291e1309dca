#include "cli/task_ids.h"

#include "cli/view/format.h"

namespace cdc::cli {
namespace {

constexpr size_t kNamed = 5;

std::string Name(const std::vector<const TaskInfo*>& tasks) {
  std::string names;
  for (size_t i = 0; i < tasks.size() && i < kNamed; ++i) {
    names += (i == 0 ? "" : ", ") + tasks[i]->id;
  }
  return tasks.size() <= kNamed ? names
                                : names + " and " + std::to_string(tasks.size() - kNamed) + " more";
}

}  // namespace

Result<std::string> ResolveTaskId(const std::string& text, const std::vector<TaskInfo>& tasks) {
  if (text.empty()) {
    return InvalidArgumentError("the task id is empty");
  }
  std::vector<const TaskInfo*> matches;
  for (const TaskInfo& task : tasks) {
    if (task.id == text) {
      return task.id;
    }
    if (task.id.rfind(text, 0) == 0) {
      matches.push_back(&task);
    }
  }
  if (matches.empty()) {
    return NotFoundError("no task has the id \"" + Printable(text) + "\" or one that begins so");
  }
  if (matches.size() > 1) {
    return FailedPreconditionError("\"" + Printable(text) +
                                   "\" is the beginning of several ids: " + Name(matches));
  }
  return matches.front()->id;
}

}  // namespace cdc::cli
