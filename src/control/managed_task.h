#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/backoff.h"
#include "base/mutex.h"
#include "base/status.h"
#include "model/task.h"
#include "pipeline/replication.h"

namespace cdc {

// What TaskManager holds of one task; part of its implementation.
struct ManagedTask {
  ManagedTask(TaskSpec task_spec, const BackoffOptions& backoff_options)
      : spec(std::move(task_spec)), backoff(backoff_options) {}

  // Serialises the task's operations; taken before TaskManager::mutex_, never after it.
  Mutex operation;
  // Once the task is in tasks_ only a resume changes it, with TaskManager::mutex_ held too.
  TaskSpec spec;
  Backoff backoff;  // guarded by `operation`

  // Guarded by TaskManager::mutex_, and changed only with `operation` held too.
  TaskState state = TaskState::kInitial;
  std::string reason;
  bool stored = false;  // before that nobody sees it
  bool removed = false;
  std::shared_ptr<Replication> replication;
  std::shared_ptr<void> standby;  // keeps it answering
  uint64_t run = 0;               // counts replications: tells a late failure of an old one
  uint64_t start_number = 0;      // counts scheduled starts: only the newest is carried out
  std::string start_error;        // why the last start failed, while it is tried again
  int64_t since_unix_ms = 0;
  TaskStatus last_status;  // of the last replication, or what the store says
};

inline Status StoppingError() { return UnavailableError("the server is stopping"); }

}  // namespace cdc
