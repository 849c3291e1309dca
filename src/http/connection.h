#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "http/client_stream.h"
#include "http/http_server.h"
#include "http/message.h"
#include "http/request_parser.h"

namespace cdc {

class Connection;

// What a connection needs from its server. Called by the thread of its io_context.
class ConnectionHost {
 public:
  // The header of a request is complete. Returns the answer to it if the client may not send it.
  virtual std::optional<HttpAnswer> OnHeader(Connection* connection,
                                             const HttpRequest& request) = 0;
  // A request is complete. Call Connection::Answer with its answer, now or later.
  virtual void OnRequest(Connection* connection, HttpRequest request) = 0;
  // Returns the answer to a request that cannot be served.
  virtual HttpAnswer OnRefused(const HttpRequest& request, const RequestParser::Refusal&) = 0;
  // The memory used by the connection changed from `before` to `now` bytes. False: there is no
  // room.
  virtual bool OnBuffered(Connection* connection, size_t before, size_t now) = 0;
  virtual void OnClosed(Connection* connection) = 0;

 protected:
  ~ConnectionHost() = default;
};

// One client: reads a request, gets it answered, writes the answer, reads the next request. It
// waits for one thing at a time, and always with a deadline unless it waits for our own server.
//
// Lives as long as an operation on its socket is in progress. Use it only on the thread of its
// io_context.
class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  enum class State {
    kReading,    // waits for a request or the rest of one
    kAnswering,  // waits for the server
    kWriting,    // waits until the client has taken the answer
    kLingering,  // has sent its last answer and drops what still comes
    kClosed,
  };
  using Clock = std::chrono::steady_clock;

  // Host and limits must outlive it. `tls` nullptr: the client speaks in clear.
  Connection(boost::asio::ip::tcp::socket socket,
             std::shared_ptr<boost::asio::ssl::context> tls,
             ConnectionHost* host,
             const HttpLimits* limits);

  void Start();
  void Answer(HttpAnswer answer);
  // Makes the current request the last one; ends the connection if there is none.
  void BeginStop();
  // Closes it at once.
  void Close();

  State state() const { return state_; }
  Clock::time_point since() const { return since_; }  // when it entered this state
  size_t buffered_bytes() const { return buffered_; }
  // See ClientStream.
  bool lacks_tls() const { return stream_.lacks_tls(); }
  bool has_client_certificate() { return stream_.has_client_certificate(); }

 private:
  void OnHandshake(const boost::system::error_code& error);
  void Read();
  void OnRead(const boost::system::error_code& error, size_t size);
  void GoOn();
  bool IsRejected();
  void AskForBody();
  void Refuse(const RequestParser::Refusal& refusal);
  void OnWritten(const boost::system::error_code& error);
  void Linger();
  void EndIdle();
  void Enter(State state);
  void SetDeadline(std::chrono::milliseconds time);
  void OnDeadline();
  bool CountBuffered(size_t now);

  ClientStream stream_;
  boost::asio::steady_timer deadline_;
  ConnectionHost* const host_;
  const HttpLimits* const limits_;
  RequestParser parser_;
  // The part of the request that the current deadline is for: each part has its own.
  RequestParser::Progress timed_ = RequestParser::Progress::kHeader;
  State state_ = State::kReading;
  Clock::time_point since_ = Clock::now();
  bool read_pending_ = false;
  bool admitted_ = false;         // the host has seen the header of the request
  bool asking_for_body_ = false;  // a `100 Continue` is being written
  bool stopping_ = false;
  bool is_head_ = false;
  bool keep_alive_ = false;
  size_t buffered_ = 0;
  std::array<char, 8192> input_{};
  std::string head_;  // the answer being written: its head, and its body
  std::string body_;
};

}  // namespace cdc
