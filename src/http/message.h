#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cdc {

struct HttpHeader {
  std::string name;
  std::string value;
};

struct HttpRequest {
  std::string method;  // as sent: "POST"
  // Without the query; percent-encoded, but for letters, digits and - . _ ~, which mean the same
  // either way (RFC 3986).
  std::string path;
  std::string query;                // what follows the first "?", as sent
  std::vector<HttpHeader> headers;  // in their order; use HeaderOf
  std::string body;
  // False, on an open route: the client has not shown the token or certificate that others need.
  bool admitted = true;

  // The value of a header, whatever the case of its name; "" if there is none. Several lines of one
  // header are one list, joined by ", ".
  std::string HeaderOf(std::string_view name) const;
};

struct HttpAnswer {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;                 // not sent with a status that has none (204, 304)
  std::vector<HttpHeader> headers;  // besides those that every answer has
};

// How the answer is sent.
struct AnswerFraming {
  bool keep_alive = true;
  bool to_http_1_0 = false;  // an HTTP/1.0 client must be informed that the connection stays
};

// Whether a body follows the header of a request.
bool AnnouncesBody(const HttpRequest& request);

// Whether answers of this status have no body, by definition.
bool HasNoBody(int status);

// Encodes all that precedes the body: status line, headers and the empty line.
std::string EncodeHead(const HttpAnswer& answer, const AnswerFraming& framing);

// "413 Payload Too Large: <reason>", as plain text.
HttpAnswer PlainAnswer(int status, const std::string& reason);

}  // namespace cdc
