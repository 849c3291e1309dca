#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "http/message.h"

namespace cdc {

struct RequestLimits {
  size_t header_bytes = size_t{16} << 10;  // of the request line and all headers; of a trailer
  size_t body_bytes = size_t{8} << 20;
};

// Finds the requests in the bytes of one connection. It is strict: whatever a proxy in front of us
// might read as a different request (two lengths, a folded header, a line that ends in LF alone) is
// refused, because the difference could be used to smuggle a request. No I/O. Not thread-safe.
//
// Feed it until the request is complete, take the request, and call Next. After a refusal the
// connection is unusable: where its next request begins is unknown.
class RequestParser {
 public:
  enum class Progress {
    kIdle,      // no byte of the request has arrived
    kHeader,    // some bytes of the header have
    kBody,      // the header is complete, the body is not
    kComplete,  // the request can be taken
    kRefused,
  };

  struct Refusal {
    int status = 400;
    std::string reason;
  };

  explicit RequestParser(RequestLimits limits);
  ~RequestParser();

  // Adds received bytes; they may end anywhere and hold several requests.
  Progress Feed(std::string_view bytes);
  // No more bytes will come.
  Progress End();
  // The request is answered: starts on the next one, with the bytes received after it.
  Progress Next();

  Progress progress() const { return progress_; }
  const Refusal& refusal() const { return refusal_; }

  // Whether the header is complete and well-formed. Also in a refusal of the body.
  bool header_complete() const { return header_complete_; }
  // Method and path are known when the header is complete; in a refusal before that they may be
  // empty.
  const HttpRequest& request() const { return request_; }
  HttpRequest TakeRequest() { return std::move(request_); }

  // Frees its memory: no more requests are wanted from this connection.
  void Drop();

  bool keep_alive() const { return keep_alive_; }
  bool http_1_0() const { return http_1_0_; }

  // True once: the client sends its body only when asked to (`Expect: 100-continue`).
  bool TakeExpectation();

  // The bytes it holds in memory.
  size_t buffered_bytes() const { return pending_.size() + request_.body.size(); }

 private:
  class Message;

  void ReadHeader();
  void ReadBody();
  void ParseHeader(size_t size);
  bool CheckByte(size_t at);
  void Refuse(int status, std::string reason);
  void RefuseLargeBody();

  const RequestLimits limits_;
  Progress progress_ = Progress::kIdle;
  Refusal refusal_;
  HttpRequest request_;
  bool header_complete_ = false;
  bool keep_alive_ = false;
  bool http_1_0_ = false;
  bool expects_continue_ = false;

  std::string pending_;  // received and not parsed yet
  size_t scanned_ = 0;   // how much of it was checked while the header is incomplete
  size_t line_begin_ = 0;
  std::unique_ptr<Message> message_;  // set from kBody on
};

}  // namespace cdc
