#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "api/create_request.h"
#include "api/metrics.h"
#include "api/task_json.h"
#include "base/clock.h"
#include "base/status.h"
#include "control/task_manager.h"

namespace cdc {

// The control API: one request in, one answer out, both JSON. Every request gets an answer; errors
// are reported in its `code`. Thread-safe. Manager, metrics and clock must outlive it.
class Api {
 public:
  Api(TaskManager* tasks,
      Metrics* metrics,
      CreateLimits limits,
      const Clock* clock = &Clock::Real())
      : tasks_(tasks), metrics_(metrics), limits_(std::move(limits)), clock_(clock) {}

  // Executes the request in `body`.
  ApiAnswer Handle(std::string_view body);

  // Whether the request in `body` waits for a target: a create, for up to its connect_timeout.
  static bool MayTakeLong(std::string_view body);

  // The answers to a request that is not a POST, and to one whose body did not arrive.
  ApiAnswer WrongMethod();
  ApiAnswer UnreadableBody(const std::string& cause);

 private:
  using Answer = Result<nlohmann::ordered_json>;

  ApiAnswer Dispatch(const std::string& type, const nlohmann::json& data);

  Answer Create(const nlohmann::json& data);
  Answer Delete(const nlohmann::json& data);
  Answer Pause(const nlohmann::json& data);
  Answer Resume(const nlohmann::json& data);
  Answer Events(const nlohmann::json& data);
  Answer Drain(const nlohmann::json& data);
  Answer Retry(const nlohmann::json& data);
  Answer SetAside(const nlohmann::json& data);
  Answer Snapshot(const nlohmann::json& data);
  Answer ChangeCollections(const std::string& type,
                           TaskManager::CollectionChange change,
                           const nlohmann::json& data);
  Answer Get(const nlohmann::json& data);
  Answer List(const nlohmann::json& data);
  Answer Position(const nlohmann::json& data);
  Answer Maintenance(const nlohmann::json& data);

  TaskManager* const tasks_;
  Metrics* const metrics_;
  const CreateLimits limits_;
  const Clock* const clock_;
};

}  // namespace cdc
