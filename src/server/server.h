#pragma once

#include <functional>
#include <memory>
#include <stop_token>
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
  // Looks at a target while the source is not open; may be empty, see SourceConnector.
  std::function<Result<TargetInfo>(const MilvusConnectParam&)> check_target{};
  BackoffOptions source_backoff{std::chrono::milliseconds(500), std::chrono::milliseconds(5'000)};
  // Called at most once, on any thread: another server has taken the store over, and this one can
  // do nothing but stop.
  std::function<void(const Status&)> on_store_lost{};
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

// Fails if the store cannot be opened or read, or the address cannot be listened on. While another
// server uses the same store in etcd, this one stands by: it waits here, and does not listen.
// kCancelled: `stop` was requested meanwhile.
Result<std::unique_ptr<Server>> StartServer(ServerOptions options,
                                            const std::stop_token& stop = {});

}  // namespace cdc
