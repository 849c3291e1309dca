#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "http/http_server.h"
#include "http/message.h"
#include "http/request_parser.h"

namespace cdc {

class Connection;

// What a connection needs of its server.
class ConnectionHost {
 public:
  // A request is complete. Answered by Connection::Answer, from here or later.
  virtual void OnRequest(Connection* connection, HttpRequest request) = 0;
  // The answer to a request that cannot be served.
  virtual HttpAnswer OnRefused(const HttpRequest& request, const RequestParser::Refusal&) = 0;
  // Bytes were read into memory, or are in it no more. Whether there is room for them.
  virtual bool OnBuffered(Connection* connection, size_t before, size_t now) = 0;
  virtual void OnClosed(Connection* connection) = 0;

 protected:
  ~ConnectionHost() = default;
};

// One client: reads a request, has it answered, writes the answer, reads the next one. It always
// waits for one thing, and never without a deadline unless that is its own server.
//
// Lives as long as an operation on its socket is under way. Used by the thread of its io_context
// only.
class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  enum class State {
    kReading,    // waits for a request, or the rest of one
    kAnswering,  // waits for the server
    kWriting,    // waits until the client has taken the answer
    kLingering,  // has sent its last answer
    kClosed,
  };
  using Clock = std::chrono::steady_clock;

  // Host and limits must outlive it.
  Connection(boost::asio::ip::tcp::socket socket, ConnectionHost* host, const HttpLimits* limits);

  void Start();
  void Answer(HttpAnswer answer);
  // This request is the last one. Without a request it is closed.
  void BeginStop();
  // At once.
  void Close();

  State state() const { return state_; }
  Clock::time_point since() const { return since_; }  // when it came into this state
  size_t buffered_bytes() const { return buffered_; }

 private:
  void Read();
  void OnRead(const boost::system::error_code& error, size_t size);
  void GoOn();
  void AskForBody();
  void Refuse(const RequestParser::Refusal& refusal);
  void OnWritten(const boost::system::error_code& error);
  void Linger();
  void Enter(State state);
  void SetDeadline(std::chrono::milliseconds time);
  void OnDeadline();
  bool CountBuffered(size_t now);

  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer deadline_;
  ConnectionHost* const host_;
  const HttpLimits* const limits_;
  RequestParser parser_;
  // How far the request was when the deadline was set: each part of it has its own.
  RequestParser::Progress timed_ = RequestParser::Progress::kHeader;
  State state_ = State::kReading;
  Clock::time_point since_ = Clock::now();
  bool read_pending_ = false;
  bool asking_for_body_ = false;  // a `100 Continue` is being written
  bool stopping_ = false;
  bool is_head_ = false;
  bool keep_alive_ = false;
  size_t buffered_ = 0;
  std::array<char, 8192> input_{};
  std::string head_;  // of the answer that is being written, and its body
  std::string body_;
};

}  // namespace cdc
