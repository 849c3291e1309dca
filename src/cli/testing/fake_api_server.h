#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"

namespace cdc::cli {

// An HTTP server on a free port that answers POST /cdc as the test determines, and, as type
// "patch", PATCH of a task: its request is "<id> <body>". Thread-safe.
class FakeApiServer {
 public:
  FakeApiServer();
  FakeApiServer(const FakeApiServer&) = delete;
  FakeApiServer& operator=(const FakeApiServer&) = delete;
  ~FakeApiServer();

  std::string url() const;

  // The answer to every request of this type from now on; answers of `PushAnswer` come first, once
  // each.
  void SetAnswer(const std::string& type, const std::string& body, int http_status = 200);
  void PushAnswer(const std::string& type, const std::string& body);
  // Requests of this type are accepted, but answered only when the server is stopped.
  void Hold(const std::string& type);

  // The request_data of all requests of this type so far, as JSON text with sorted keys.
  std::vector<std::string> Requests(const std::string& type) const;

  // The header Authorization of the last request; "": none.
  std::string Authorization() const;

  void Stop();

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

// `{"code":200,"data":{"tasks":[...]}}` for tasks made by TaskJson.
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
