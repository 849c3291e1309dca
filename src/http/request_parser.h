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

// Finds the requests in the bytes of one connection. It is strict: what a proxy before us might
// take for another request than we do (two lengths, a folded header, a line that ends in LF alone)
// is refused, since somebody could hide a request in the difference. No I/O.
//
// Feed it until the request is complete, take the request, and go on with Next. After a refusal the
// connection is of no more use: nobody knows where its next request begins.
class RequestParser {
 public:
  enum class Progress {
    kIdle,      // no byte of the request has come
    kHeader,    // some
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

  // What has come; it may end anywhere, and hold several requests.
  Progress Feed(std::string_view bytes);
  // Nothing more will come.
  Progress End();
  // The request is answered: begins the next one, with the bytes that have come behind it.
  Progress Next();

  Progress progress() const { return progress_; }
  const Refusal& refusal() const { return refusal_; }

  // Method and path are known from kBody on; they are empty in a refusal before that.
  const HttpRequest& request() const { return request_; }
  HttpRequest TakeRequest() { return std::move(request_); }

  // Frees what it holds: no more requests are wanted of this connection.
  void Drop();

  bool keep_alive() const { return keep_alive_; }
  bool http_1_0() const { return http_1_0_; }

  // True once: the client sends its body only when it is asked to (`Expect: 100-continue`).
  bool TakeExpectation();

  // What it holds in memory.
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
  bool keep_alive_ = false;
  bool http_1_0_ = false;
  bool expects_continue_ = false;

  std::string pending_;  // has come and is not read yet
  size_t scanned_ = 0;   // how much of it was looked at, while the header is not complete
  size_t line_begin_ = 0;
  std::unique_ptr<Message> message_;  // set from kBody on
};

}  // namespace cdc
