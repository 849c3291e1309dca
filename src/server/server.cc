#include "server/server.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include "api/api.h"
#include "api/http_routes.h"
#include "api/metrics.h"
#include "api/rest/rest_api.h"
#include "control/task_manager.h"
#include "http/http_server.h"
#include "pipeline/replicator.h"
#include "server/open_meta_store.h"
#include "sink/standby/standby_hubs.h"

namespace cdc {
namespace {

CreateLimits CreateLimitsOf(const Config& config) {
  return {.max_name_length = config.max_name_length, .replicate_channel = config.replicate_channel};
}

class RealServer final : public Server {
 public:
  RealServer(ServerOptions options, std::unique_ptr<MetaStore> store)
      : options_(std::move(options)),
        store_(std::move(store)),
        hubs_([this] { return store_->CheckOwned(); }),
        source_([this] { return options_.open_source(options_.config, store_.get(), &hubs_); },
                options_.source_backoff,
                options_.check_target),
        tasks_({.store = store_.get(),
                .replicator = &source_,
                .max_tasks = options_.config.max_task_num,
                .dry_run = options_.config.dry_run,
                .experimental = options_.config.experimental,
                .replicate_channel = options_.config.replicate_channel,
                .source_status = [this] { return source_.Health(); },
                .hold_standby = [this](const TaskSpec& spec) { return HoldStandby(spec); },
                .change_standby =
                    [this](const TaskSpec& before, const TaskSpec& now) {
                      return hubs_.Change(OptionsOf(before.target, before.sink_mode),
                                          OptionsOf(now.target, now.sink_mode));
                    }}),
        metrics_(
            {.version = options_.version,
             .queue_holds = std::chrono::minutes(options_.config.snapshot.queue_holds_minutes)},
            [this] { return tasks_.List(); }),
        api_(&tasks_, &metrics_, CreateLimitsOf(options_.config)),
        rest_({.tasks = &tasks_,
               .metrics = &metrics_,
               .limits = CreateLimitsOf(options_.config),
               .version = options_.version}) {}

  ~RealServer() override { Stop(); }

  Status Start() {
    CDC_RETURN_IF_ERROR(tasks_.Start());
    const HttpConfig& http = options_.config.http;
    std::vector<HttpRoute> routes = HttpRoutes({.api = &api_,
                                                .metrics = &metrics_,
                                                .health = [this] { return source_.Health(); },
                                                .version = options_.version,
                                                .real_status = options_.config.real_status,
                                                .open_metrics = http.open_metrics});
    routes.push_back(RestRoute(&rest_));
    CDC_ASSIGN_OR_RETURN(http_, StartHttpServer({.address = options_.config.address,
                                                 .routes = std::move(routes),
                                                 .tokens = http.tokens,
                                                 .tls = http.tls,
                                                 .limits = Limits()}));
    source_.Begin([this] { tasks_.RetryNow(); });
    return OkStatus();
  }

  int port() const override { return http_->port(); }

  void Stop() override {
    // The tasks first: their checkpoints are saved even if a request hangs until the limit of the
    // stop.
    tasks_.Stop();
    if (http_ != nullptr) {
      http_->Stop();
    }
    source_.Stop();
  }

 private:
  HttpLimits Limits() const {
    const HttpConfig& http = options_.config.http;
    HttpLimits limits;
    limits.connections = http.max_connections > 0 ? static_cast<size_t>(http.max_connections)
                                                  : options_.max_connections;
    limits.body_bytes = static_cast<size_t>(http.max_body_bytes);
    limits.bodies_bytes = std::max(limits.bodies_bytes, 2 * limits.body_bytes);
    limits.body_time = std::chrono::seconds(http.request_timeout_seconds);
    limits.header_time = std::min(limits.header_time, limits.body_time);
    return limits;
  }

  // A standby answers queries only while it receives ticks.
  std::shared_ptr<void> HoldStandby(const TaskSpec& spec) {
    if (!options_.config.keep_ticking_when_paused || options_.config.dry_run || spec.dry_run) {
      return nullptr;
    }
    Result<std::shared_ptr<StandbyHub>> hub = hubs_.Hold(OptionsOf(spec.target, spec.sink_mode));
    if (!hub.ok()) {
      // The start of the task will meet the same error and report it.
      spdlog::error("no ticks while it is paused, task={} error={}", spec.id,
                    hub.status().ToString());
      return nullptr;
    }
    return *std::move(hub);
  }

  // In order of use: each uses those before it; destruction is in reverse.
  const ServerOptions options_;
  const std::unique_ptr<MetaStore> store_;
  StandbyHubs hubs_;
  SourceConnector source_;
  TaskManager tasks_;
  Metrics metrics_;
  Api api_;
  RestApi rest_;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace

Result<std::unique_ptr<Server>> StartServer(ServerOptions options, const std::stop_token& stop) {
  CDC_ASSIGN_OR_RETURN(std::unique_ptr<MetaStore> store,
                       OpenMetaStore(options.config, options.on_store_lost, stop));
  auto server = std::make_unique<RealServer>(std::move(options), std::move(store));
  CDC_RETURN_IF_ERROR(server->Start());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace cdc
