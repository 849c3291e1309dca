#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/backoff.h"
#include "base/status.h"
#include "metastore/meta_store.h"
#include "server/config.h"
#include "server/source_connector.h"

namespace cdc {

class StandbyHubs;

struct ServerOptions {
  Config config;
  std::string version;
  size_t max_connections = 512;  // of HTTP API clients
  // One attempt to open the source.
  std::function<Result<std::unique_ptr<OpenSource>>(const Config&, MetaStore*, StandbyHubs*)>
      open_source;
  BackoffOptions source_backoff{std::chrono::milliseconds(500), std::chrono::milliseconds(5'000)};
};

// The whole server. It listens once started, whatever the state of the source: until the source is
// open, creates and starts fail with the reason, which /readyz and /healthz also report.
class Server {
 public:
  virtual ~Server() = default;

  virtual int port() const = 0;

  // Stops the tasks first, with their checkpoints, then the requests in progress. Idempotent.
  virtual void Stop() = 0;
};

// Fails if the store cannot be opened or read, or the address cannot be listened on.
Result<std::unique_ptr<Server>> StartServer(ServerOptions options);

}  // namespace cdc
