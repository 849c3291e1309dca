#include "http/connection.h"

#include <string_view>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

namespace cdc {
namespace {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;
using Progress = RequestParser::Progress;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

std::string Within(std::chrono::milliseconds time) {
  return "did not come within " + std::to_string(time.count()) + " ms";
}

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket,
                       std::shared_ptr<asio::ssl::context> tls,
                       ConnectionHost* host,
                       const HttpLimits* limits)
    : stream_(std::move(socket), std::move(tls)),
      deadline_(stream_.executor()),
      host_(host),
      limits_(limits),
      parser_({.header_bytes = limits->header_bytes, .body_bytes = limits->body_bytes}) {}

void Connection::Start() {
  // The first request must follow the connection soon; later ones may take longer.
  SetDeadline(limits_->header_time);
  if (!stream_.needs_handshake()) {
    Read();
    return;
  }
  stream_.Handshake(
      [self = shared_from_this()](const ErrorCode& error) { self->OnHandshake(error); });
}

void Connection::OnHandshake(const ErrorCode& error) {
  if (state_ != State::kReading) {
    return;  // closed meanwhile
  }
  if (error) {
    Linger();  // so that the reason, which TLS has sent, reaches the client
  } else {
    Read();
  }
}

void Connection::BeginStop() {
  stopping_ = true;
  switch (state_) {
    case State::kReading: EndIdle(); break;
    case State::kAnswering: break;
    case State::kWriting: keep_alive_ = false; [[fallthrough]];
    case State::kLingering: SetDeadline(limits_->stop_time); break;
    case State::kClosed: break;
  }
}

void Connection::Close() {
  if (state_ == State::kClosed) {
    return;
  }
  const auto self = shared_from_this();  // the host drops its reference
  Enter(State::kClosed);
  deadline_.cancel();
  stream_.Close();
  CountBuffered(0);
  host_->OnClosed(this);
}

void Connection::Read() {
  if (read_pending_) {
    return;
  }
  read_pending_ = true;
  stream_.Read(asio::buffer(input_),
               [self = shared_from_this()](const ErrorCode& error, size_t size) {
                 self->OnRead(error, size);
               });
}

void Connection::OnRead(const ErrorCode& error, size_t size) {
  read_pending_ = false;
  if (state_ == State::kLingering && !error) {
    Read();  // and drops what came
    return;
  }
  if (state_ == State::kWriting || state_ == State::kClosed) {
    return;  // a deadline came first: its answer is the last one
  }
  if (state_ == State::kLingering || (error && error != asio::error::eof)) {
    Close();
    return;
  }
  if (!error) {
    parser_.Feed({input_.data(), size});
  } else if (parser_.End() == Progress::kIdle) {
    Close();
    return;
  }
  GoOn();
}

// Acts on the bytes received so far.
void Connection::GoOn() {
  if (!CountBuffered(parser_.buffered_bytes())) {
    Refuse({.status = 503, .reason = "too many large requests at once, try again"});
    return;
  }
  // First whether the client may ask at all: of a stranger's request, its body is no concern.
  if (IsRejected()) {
    return;
  }
  const Progress progress = parser_.progress();
  if (progress == Progress::kRefused) {
    Refuse(parser_.refusal());
    return;
  }
  if (progress == Progress::kComplete) {
    Enter(State::kAnswering);
    deadline_.cancel();
    is_head_ = parser_.request().method == "HEAD";
    keep_alive_ = parser_.keep_alive();
    host_->OnRequest(this, parser_.TakeRequest());
    return;
  }
  if (progress != timed_ && progress != Progress::kIdle) {
    timed_ = progress;
    SetDeadline(progress == Progress::kBody ? limits_->body_time : limits_->header_time);
  }
  if (parser_.TakeExpectation()) {
    AskForBody();
  } else {
    Read();
  }
}

// Answers a request that the client may not send, without waiting for its body.
bool Connection::IsRejected() {
  if (admitted_ || !parser_.header_complete()) {
    return false;
  }
  std::optional<HttpAnswer> answer = host_->OnHeader(this, parser_.request());
  if (!answer) {
    admitted_ = true;
    return false;
  }
  is_head_ = parser_.request().method == "HEAD";
  keep_alive_ = parser_.progress() == Progress::kComplete && parser_.keep_alive();
  Answer(*std::move(answer));
  return true;
}

void Connection::AskForBody() {
  asking_for_body_ = true;
  stream_.Write({asio::buffer(kContinue), asio::const_buffer()},
                [self = shared_from_this()](const ErrorCode& error, size_t) {
                  self->asking_for_body_ = false;
                  if (self->state_ == State::kClosed) {
                    return;
                  }
                  if (error) {
                    self->Close();
                  } else {
                    self->Read();
                  }
                });
}

void Connection::Refuse(const RequestParser::Refusal& refusal) {
  is_head_ = parser_.request().method == "HEAD";
  keep_alive_ = false;
  Answer(host_->OnRefused(parser_.request(), refusal));
}

void Connection::Answer(HttpAnswer answer) {
  if (state_ == State::kClosed) {
    return;
  }
  keep_alive_ = keep_alive_ && !stopping_;
  head_ = EncodeHead(answer, {.keep_alive = keep_alive_, .to_http_1_0 = parser_.http_1_0()});
  body_ = is_head_ || HasNoBody(answer.status) ? std::string() : std::move(answer.body);
  CountBuffered(parser_.buffered_bytes());  // no longer counts the request being answered
  Enter(State::kWriting);
  SetDeadline(stopping_ ? limits_->stop_time : limits_->answer_time);
  stream_.Write(
      {asio::buffer(std::as_const(head_)), asio::buffer(std::as_const(body_))},
      [self = shared_from_this()](const ErrorCode& error, size_t) { self->OnWritten(error); });
}

void Connection::OnWritten(const ErrorCode& error) {
  body_ = std::string();
  if (state_ == State::kClosed) {
    return;
  }
  if (error) {
    Close();
    return;
  }
  if (!keep_alive_) {
    Linger();
    return;
  }
  Enter(State::kReading);
  timed_ = Progress::kIdle;
  admitted_ = false;
  SetDeadline(limits_->idle_time);
  parser_.Next();
  GoOn();
}

void Connection::Linger() {
  Enter(State::kLingering);
  parser_.Drop();
  CountBuffered(0);
  SetDeadline(stopping_ ? limits_->stop_time : limits_->linger_time);
  stream_.Finish([self = shared_from_this()](const ErrorCode& error) {
    if (self->state_ != State::kLingering) {
      return;  // closed meanwhile
    }
    if (error) {
      self->Close();  // the client is gone
    } else {
      self->Read();
    }
  });
}

// Nobody waits for an answer. Inside TLS the client is told that nothing more will come, so that it
// does not take the end for a connection that somebody has cut.
void Connection::EndIdle() {
  if (stream_.inside_tls() && !asking_for_body_) {
    Linger();
  } else {
    Close();
  }
}

void Connection::Enter(State state) {
  state_ = state;
  since_ = Clock::now();
}

void Connection::SetDeadline(std::chrono::milliseconds time) {
  deadline_.expires_after(time);
  deadline_.async_wait([self = shared_from_this()](const ErrorCode& error) {
    // A deadline that was moved while its handler was already queued has not expired.
    if (!error && self->deadline_.expiry() <= Clock::now()) {
      self->OnDeadline();
    }
  });
}

void Connection::OnDeadline() {
  const Progress progress = parser_.progress();
  if (state_ == State::kAnswering || state_ == State::kClosed) {
    return;
  }
  if (state_ == State::kReading && progress == Progress::kIdle) {
    EndIdle();
    return;
  }
  // It cannot be answered while the `100 Continue` is being written.
  if (state_ != State::kReading || asking_for_body_) {
    Close();
    return;
  }
  Refuse({.status = 408,
          .reason = progress == Progress::kBody ? "it " + Within(limits_->body_time)
                                                : "the header " + Within(limits_->header_time)});
}

bool Connection::CountBuffered(size_t now) {
  const size_t before = std::exchange(buffered_, now);
  return before == now || host_->OnBuffered(this, before, now);
}

}  // namespace cdc
