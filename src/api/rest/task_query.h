#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "api/request_reader.h"
#include "api/rest/query_string.h"
#include "control/task_manager.h"

namespace cdc {

// Which tasks a list shows. Empty members do not filter.
struct TaskQuery {
  std::optional<TaskState> state;
  std::optional<Condition> condition;
  std::string database;  // the task covers collections of this database of the source
  std::string target;    // the address, with or without "http://"
  std::string text;      // in the id, the address, the names or a reason; in any case
  size_t limit = 0;
  std::string after;  // begins behind this id
};

// Adds what is wrong to `errors`.
TaskQuery ReadTaskQuery(const QueryParameters& parameters, std::vector<FieldError>* errors);

struct TaskPage {
  std::vector<TaskView> tasks;
  std::string next_token;  // for page_token; empty: there are no more
};

// `tasks` are sorted by id, and so is the page.
TaskPage FindTasks(const std::vector<TaskView>& tasks, const TaskQuery& query);

}  // namespace cdc
