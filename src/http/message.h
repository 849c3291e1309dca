#pragma once

#include <string>

namespace cdc {

struct HttpRequest {
  std::string method;  // as sent: "POST"
  std::string path;    // without the query
  std::string body;
};

struct HttpAnswer {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::string allow;  // with 405: the methods that the path has
};

// How the answer is sent.
struct AnswerFraming {
  bool keep_alive = true;
  bool to_http_1_0 = false;  // an HTTP/1.0 client must be informed that the connection stays
};

// Encodes all that precedes the body: status line, headers and the empty line.
std::string EncodeHead(const HttpAnswer& answer, const AnswerFraming& framing);

// "413 Payload Too Large: <reason>", as plain text.
HttpAnswer PlainAnswer(int status, const std::string& reason);

}  // namespace cdc
