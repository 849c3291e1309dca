#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"

namespace cdc::cli {

// An HTTP server on a free port that answers POST /cdc with what a test wants. Thread-safe.
class FakeApiServer {
 public:
  FakeApiServer();
  FakeApiServer(const FakeApiServer&) = delete;
  FakeApiServer& operator=(const FakeApiServer&) = delete;
  ~FakeApiServer();

  std::string url() const;

  // The answer to every request of the type from now on; `PushAnswer` is used once and before it.
  void SetAnswer(const std::string& type, const std::string& body, int http_status = 200);
  void PushAnswer(const std::string& type, const std::string& body);
  // The server takes requests of the type and answers when it is stopped.
  void Hold(const std::string& type);

  // The request_data of every request of the type so far, as JSON text with sorted keys.
  std::vector<std::string> Requests(const std::string& type) const;

  void Stop();

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

// `{"code":200,"data":{"tasks":[...]}}` of tasks as TaskJson makes them.
std::string ListAnswer(const std::vector<std::string>& tasks);

struct FakeTask {
  std::string id;
  std::string state = "Running";
  std::string condition = "ok";
  std::string reason;
  std::string lag_ms = "120";  // JSON
  unsigned inserted = 0;
  bool has_channel = true;
};
std::string TaskJson(const FakeTask& task);

}  // namespace cdc::cli
