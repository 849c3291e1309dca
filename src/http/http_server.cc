#include "http/http_server.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <spdlog/spdlog.h>

#include "base/thread.h"
#include "http/access.h"
#include "http/connection.h"
#include "http/handler_pool.h"
#include "http/listen_address.h"
#include "http/tls.h"

namespace cdc {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using Clock = std::chrono::steady_clock;

// How long to wait when the process has no file descriptor left for a connection.
constexpr std::chrono::milliseconds kAcceptAgain{20};
constexpr std::chrono::minutes kFullLogInterval{1};
// However many requests are being answered, at least so many connections may wait for requests.
constexpr size_t kMinWaiting = 16;

HttpAnswer Call(const HttpRoute& route, const HttpRequest& request) {
  try {
    return route.answer(request);
  } catch (const std::exception& error) {
    spdlog::error("a request ended by an exception, error={}", error.what());
    return PlainAnswer(500, "");
  }
}

bool MayTakeLong(const HttpRoute& route, const HttpRequest& request) {
  try {
    return route.may_take_long && route.may_take_long(request);
  } catch (const std::exception&) {
    return true;  // its answer will meet the same error and report it
  }
}

bool IsOf(const HttpRoute& route, std::string_view path) {
  if (!path.starts_with(route.path)) {
    return false;
  }
  return path.size() == route.path.size() || (route.and_below && path[route.path.size()] == '/');
}

HandlerPool::Options PoolOptions(const HttpLimits& limits) {
  const size_t threads = std::max<size_t>(1, limits.handlers);
  return {
      .threads = threads,
      .slow_threads = std::clamp<size_t>(limits.slow_handlers, 1, std::max<size_t>(1, threads - 1)),
      .slow_waiting = limits.connections / 2};
}

HttpAnswer Refuse(const HttpRoute* route, int status, const std::string& reason) {
  return route != nullptr && route->refuse ? route->refuse(status, reason)
                                           : PlainAnswer(status, reason);
}

class AsioServer final : public HttpServer, private ConnectionHost {
 public:
  explicit AsioServer(HttpServerOptions options)
      : options_(std::move(options)),
        tokens_(options_.tokens),
        pool_(PoolOptions(options_.limits)) {}

  ~AsioServer() override { Stop(); }

  Status Listen() {
    if (!options_.tls.cert_path.empty()) {
      CDC_ASSIGN_OR_RETURN(certificates_, TlsCertificates::Load(options_.tls));
    }
    CDC_ASSIGN_OR_RETURN(const ListenAddress address, ParseListenAddress(options_.address));
    if (!Bind(address)) {
      return UnavailableError("cannot listen on " + options_.address +
                              ": the port is in use or the address is not of this machine");
    }
    Accept();
    thread_ = Thread("cdc-http", [this](const std::stop_token&) { Serve(); });
    return OkStatus();
  }

  int port() const override { return port_; }
  size_t connections() const override { return open_; }

  void Stop() override {
    if (!thread_.joinable()) {
      return;
    }
    stopping_ = true;
    std::promise<void> begun;
    asio::post(io_, [this, &begun] {
      BeginStop();
      begun.set_value();
    });
    begun.get_future().wait();  // that thread never blocks; after this no request comes in
    pool_.Stop();
    work_.reset();  // the last answers are posted: the thread ends with the last connection
    thread_.Join();
  }

 private:
  bool Bind(const ListenAddress& address) {
    ErrorCode error;
    const auto found = tcp::resolver(io_).resolve(address.host, std::to_string(address.port),
                                                  tcp::resolver::passive, error);
    if (error || found.empty()) {
      return false;
    }
    const tcp::endpoint endpoint = found.begin()->endpoint();
    acceptor_.open(endpoint.protocol(), error);
    if (!error) {
      // A restarted server must not wait for the TIME_WAIT of old connections.
      acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    }
    if (!error) {
      acceptor_.bind(endpoint, error);
    }
    if (!error) {
      acceptor_.listen(tcp::acceptor::max_listen_connections, error);
    }
    if (error) {
      return false;
    }
    port_ = acceptor_.local_endpoint(error).port();
    return !error;
  }

  void Serve() {
    for (;;) {
      try {
        io_.run();
        return;
      } catch (const std::exception& error) {
        // Most likely out of memory: one connection is lost, the others are still served.
        spdlog::error("a connection ended by an exception, error={}", error.what());
      }
    }
  }

  void Accept() {
    acceptor_.async_accept([this](const ErrorCode& error, tcp::socket socket) {
      if (!acceptor_.is_open()) {
        return;
      }
      if (error) {
        // Out of file descriptors: the client waits in the kernel's queue until one is free.
        MakeRoom();
        accept_again_.expires_after(kAcceptAgain);
        accept_again_.async_wait([this](const ErrorCode& cancelled) {
          if (!cancelled && acceptor_.is_open()) {
            Accept();
          }
        });
        return;
      }
      Welcome(std::move(socket));
      Accept();
    });
  }

  void Welcome(tcp::socket socket) {
    if (connections_.size() >= std::max(options_.limits.connections, answering_ + kMinWaiting)) {
      MakeRoom();
    }
    ErrorCode ignored;  // without it answers are only slower
    socket.set_option(tcp::no_delay(true), ignored);
    const auto connection = std::make_shared<Connection>(
        std::move(socket), certificates_ ? certificates_->current() : nullptr,
        static_cast<ConnectionHost*>(this), &options_.limits);
    connections_.emplace(connection.get(), connection);
    open_ = connections_.size();
    connection->Start();
  }

  // Closes the connection that needs its place least, unless all of them wait for an answer of
  // ours.
  void MakeRoom() {
    const auto now = Clock::now();
    if (now - full_logged_ > kFullLogInterval) {
      full_logged_ = now;
      spdlog::warn("all connections are in use, those that wait longest are closed, connections={}",
                   connections_.size());
    }
    Evict(0, nullptr);
  }

  // The same among those that hold at least `bytes`, except `but`; false if there is none.
  bool Evict(size_t bytes, const Connection* but) {
    // First those that have their answer, then those that have waited longest for a request, then
    // those whose client has been slowest to take its answer.
    const auto need = [](const Connection& connection) {
      const Connection::State state = connection.state();
      const int rank = state == Connection::State::kLingering ? 0
                       : state == Connection::State::kReading ? 1
                                                              : 2;
      return std::tuple(rank, connection.since());
    };
    std::shared_ptr<Connection> least;
    for (const auto& [key, connection] : connections_) {
      if (key != but && connection->state() != Connection::State::kAnswering &&
          connection->buffered_bytes() >= bytes &&
          (least == nullptr || need(*connection) < need(*least))) {
        least = connection;
      }
    }
    if (least == nullptr) {
      return false;
    }
    least->Close();
    return true;
  }

  std::optional<HttpAnswer> OnHeader(Connection* connection, const HttpRequest& request) override {
    const HttpRoute* const route = Find(request);
    if (connection->lacks_tls()) {
      return Refuse(route, 400, "this port speaks TLS, the address begins with https://");
    }
    const bool has_certificate = HasCertificate(connection);
    if (has_certificate && tokens_.Admit(request)) {
      return std::nullopt;
    }
    if (route != nullptr && route->open) {
      // Anybody may ask, but not make us read and keep whatever they like.
      return AnnouncesBody(request) ? std::optional(Refuse(route, 413, "no body is read here"))
                                    : std::nullopt;
    }
    if (!has_certificate) {
      return Refuse(route, 403, "a client certificate is needed that this server trusts");
    }
    HttpAnswer answer = Refuse(
        route, 401, "a token of this server is needed: send `Authorization: Bearer <token>`");
    answer.headers.push_back({"WWW-Authenticate", "Bearer"});
    return answer;
  }

  bool HasCertificate(Connection* connection) const {
    return options_.tls.client_ca_path.empty() || connection->has_client_certificate();
  }

  void OnRequest(Connection* connection, HttpRequest request) override {
    const HttpRoute* const route = Find(request);
    // Others do not come here.
    request.admitted =
        route == nullptr || !route->open || (HasCertificate(connection) && tokens_.Admit(request));
    if (route == nullptr) {
      connection->Answer({.status = 404, .body = "404 page not found\n"});
      return;
    }
    if (!route->may_block) {
      connection->Answer(Call(*route, request));
      return;
    }
    if (answering_ >= options_.limits.connections) {
      connection->Answer(Refuse(route, 503, "too many requests at once, try again"));
      return;
    }
    ++answering_;
    const auto job =
        std::make_shared<Job>(Job{route, std::move(request), connection->shared_from_this()});
    pool_.Run([this, job] { Begin(job); });
  }

  // A request that a handler answers.
  struct Job {
    const HttpRoute* route;
    HttpRequest request;
    std::shared_ptr<Connection> connection;
  };

  // Begin, Execute and Finish are called by a handler.
  void Begin(const std::shared_ptr<Job>& job) {
    if (!MayTakeLong(*job->route, job->request)) {
      Execute(job);
    } else if (!pool_.RunSlow([this, job] { Execute(job); })) {
      Finish(job, Refuse(job->route, 503,
                         "too many requests that take long at once, try again when some of them "
                         "are answered"));
    }
  }

  void Execute(const std::shared_ptr<Job>& job) {
    // A request queued before the stop is answered too, but no longer executed.
    Finish(job, stopping_ ? Refuse(job->route, 503, "the server stops")
                          : Call(*job->route, job->request));
  }

  void Finish(const std::shared_ptr<Job>& job, HttpAnswer answer) {
    // Hand the connection over too: only the thread of io_ may destroy it.
    asio::post(
        io_, [this, connection = std::move(job->connection), answer = std::move(answer)]() mutable {
          --answering_;
          connection->Answer(std::move(answer));
        });
  }

  HttpAnswer OnRefused(const HttpRequest& request, const RequestParser::Refusal& refusal) override {
    return Refuse(Find(request), refusal.status, refusal.reason);
  }

  bool OnBuffered(Connection* connection, size_t before, size_t now) override {
    // Small requests are always accepted: their number is bounded.
    const size_t small = options_.limits.header_bytes * 2;
    buffered_ += now - before;
    while (buffered_ > options_.limits.bodies_bytes && now > small) {
      if (!Evict(small, connection)) {
        return false;
      }
    }
    return true;
  }

  void OnClosed(Connection* connection) override {
    connections_.erase(connection);
    open_ = connections_.size();
  }

  const HttpRoute* Find(const HttpRequest& request) const {
    const std::string& method = request.method == "HEAD" ? kGet : request.method;
    for (const HttpRoute& route : options_.routes) {
      if (IsOf(route, request.path) && (route.method.empty() || route.method == method)) {
        return &route;
      }
    }
    return nullptr;
  }

  void BeginStop() {
    ErrorCode ignored;  // it is closed either way
    acceptor_.close(ignored);
    accept_again_.cancel();
    // A copy: a connection that closes leaves the map.
    const auto connections = connections_;
    for (const auto& [key, connection] : connections) {
      connection->BeginStop();
    }
  }

  inline static const std::string kGet = "GET";

  const HttpServerOptions options_;
  const BearerTokens tokens_;
  std::unique_ptr<TlsCertificates> certificates_;  // nullptr: no TLS
  std::atomic<bool> stopping_{false};
  std::atomic<size_t> open_{0};
  int port_ = 0;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  tcp::acceptor acceptor_{io_};
  asio::steady_timer accept_again_{io_};
  // Used only by the thread of io_.
  std::map<Connection*, std::shared_ptr<Connection>> connections_;
  size_t answering_ = 0;  // by the pool
  size_t buffered_ = 0;
  Clock::time_point full_logged_{};
  HandlerPool pool_;
  Thread thread_;  // nothing may be declared after it: it uses what is above
};

}  // namespace

Result<std::unique_ptr<HttpServer>> StartHttpServer(HttpServerOptions options) {
  auto server = std::make_unique<AsioServer>(std::move(options));
  CDC_RETURN_IF_ERROR(server->Listen());
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace cdc
