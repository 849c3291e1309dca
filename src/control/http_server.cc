#include "control/http_server.h"

#include <charconv>
#include <exception>
#include <string_view>
#include <utility>

#include <httplib.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include "base/thread.h"
#include "control/task_json.h"

namespace cdc {
namespace {

// A request holds a thread as long as it lasts, a create up to its connect timeout. Enough of them,
// so that a few dead targets do not keep a list from being answered.
constexpr size_t kThreads = 64;
constexpr int kQueuedConnections = 128;
constexpr const char* kJson = "application/json";
constexpr const char* kText = "text/plain; charset=utf-8";
constexpr const char* kMetricsText = "text/plain; version=0.0.4; charset=utf-8";

struct Endpoint {
  std::string host;
  int port = 0;
};

Result<Endpoint> ParseAddress(const std::string& address) {
  const auto invalid = [&address] {
    return InvalidArgumentError("the listen address must be host:port, got \"" + address + "\"");
  };
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) {
    return invalid();
  }
  Endpoint endpoint;
  const std::string_view digits = std::string_view(address).substr(colon + 1);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), endpoint.port);
  if (error != std::errc() || end != digits.data() + digits.size() || endpoint.port < 0 ||
      endpoint.port > 65535) {
    return invalid();
  }
  endpoint.host = address.substr(0, colon);
  if (endpoint.host.size() > 2 && endpoint.host.front() == '[' && endpoint.host.back() == ']') {
    endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
  } else if (endpoint.host.find(':') != std::string::npos) {
    return invalid();
  }
  if (endpoint.host.empty()) {
    endpoint.host = "0.0.0.0";
  }
  return endpoint;
}

// httplib's server with what its compiled form does not let one set otherwise.
class ListeningServer final : public httplib::Server {
 public:
  ListeningServer() {
    // The default shares the port with whoever else listens on it, without a word.
    set_socket_options([](socket_t socket) {
      const int on = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    });
  }

  // The default queue of five connections makes a sixth wait for a second. To be called once bound.
  void WidenQueue() { ::listen(svr_sock_.load(), kQueuedConnections); }
};

class HttplibServer final : public HttpServer {
 public:
  explicit HttplibServer(HttpServerOptions options) : options_(std::move(options)) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
    // A client that keeps its connection keeps a thread: only for a moment.
    server_.set_keep_alive_timeout(1);
    server_.set_tcp_nodelay(true);
    AddRoutes();
  }

  ~HttplibServer() override { Stop(); }

  Status Listen() {
    CDC_ASSIGN_OR_RETURN(const Endpoint endpoint, ParseAddress(options_.address));
    const bool any = endpoint.port == 0;
    port_ = any ? server_.bind_to_any_port(endpoint.host) : endpoint.port;
    if (port_ < 0 || (!any && !server_.bind_to_port(endpoint.host, endpoint.port))) {
      return UnavailableError("cannot listen on " + options_.address +
                              ": the port is in use or the address is not of this machine");
    }
    server_.WidenQueue();
    thread_ = Thread("cdc-http", [this](const std::stop_token&) { server_.listen_after_bind(); });
    // Connections queue from now on; but only a running server can be stopped.
    while (!server_.is_running()) {
      std::this_thread::yield();
    }
    return OkStatus();
  }

  int port() const override { return port_; }

  void Stop() override {
    server_.stop();
    thread_.Join();
  }

 private:
  void AddRoutes() {
    const auto body_of = [this](const httplib::Request& request, httplib::Response& response,
                                const httplib::ContentReader& read) {
      ServeWithBody(request, response, read);
    };
    server_.Post(".*", body_of);
    server_.Put(".*", body_of);
    server_.Patch(".*", body_of);
    server_.Delete(".*", body_of);
    const auto plain = [this](const httplib::Request& request, httplib::Response& response) {
      Serve(request, response);
    };
    server_.Get(".*", plain);
    server_.Options(".*", plain);
    server_.set_exception_handler(
        [](const httplib::Request&, httplib::Response& response, const std::exception_ptr&) {
          spdlog::error("a request ended by an exception");
          response.status = 200;
          response.set_content(EncodeFailure(500, "internal error"), kJson);
        });
  }

  void ServeWithBody(const httplib::Request& request,
                     httplib::Response& response,
                     const httplib::ContentReader& read) {
    std::string body;
    bool too_large = false;
    // What is too much is still taken off the connection: the next request comes after it.
    const bool complete = read([&](const char* data, size_t size) {
      too_large = too_large || body.size() + size > options_.max_body_bytes;
      if (!too_large) {
        body.append(data, size);
      }
      return true;
    });
    if (request.path != "/cdc" || request.method != "POST") {
      Serve(request, response);
      return;
    }
    response.status = 200;
    if (too_large) {
      response.set_content(
          options_.api->UnreadableBody("it is larger than " +
                                       std::to_string(options_.max_body_bytes) + " bytes"),
          kJson);
    } else if (!complete) {
      response.set_content(options_.api->UnreadableBody("the connection ended early"), kJson);
    } else {
      response.set_content(options_.api->Handle(body), kJson);
    }
  }

  void Serve(const httplib::Request& request, httplib::Response& response) {
    const bool get = request.method == "GET" || request.method == "HEAD";
    response.status = 200;
    if (request.path == "/cdc") {
      response.set_content(options_.api->WrongMethod(), kJson);
    } else if (get && request.path == "/cdc/metrics") {
      response.set_content(options_.metrics->Scrape(), kMetricsText);
    } else if (get && request.path == "/cdc/metrics_default") {
      response.set_content(options_.metrics->ScrapeProcess(), kMetricsText);
    } else if (get && request.path == "/healthz") {
      ServeHealth(response);
    } else if (get && request.path == "/version") {
      response.set_content(nlohmann::json{{"version", options_.version}}.dump() + "\n", kJson);
    } else {
      response.status = 404;
      response.set_content("404 page not found\n", kText);
    }
  }

  void ServeHealth(httplib::Response& response) {
    const Status health = options_.health ? options_.health() : OkStatus();
    nlohmann::ordered_json answer = {{"status", health.ok() ? "ok" : "unavailable"}};
    if (!health.ok()) {
      response.status = 503;
      answer["reason"] = health.message();
    }
    response.set_content(
        answer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n", kJson);
  }

  const HttpServerOptions options_;
  ListeningServer server_;
  int port_ = 0;
  Thread thread_;  // nothing may be declared after it: it uses what is above
};

}  // namespace

Result<std::unique_ptr<HttpServer>> StartHttpServer(HttpServerOptions options) {
  auto server = std::make_unique<HttplibServer>(std::move(options));
  CDC_RETURN_IF_ERROR(server->Listen());
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace cdc
