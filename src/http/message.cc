#include "http/message.h"

#include <array>
#include <ctime>
#include <ostream>  // missing in Boost
#include <string>

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/status.hpp>

namespace cdc {
namespace {

std::string ReasonPhrase(int status) {
  namespace http = boost::beast::http;
  return std::string(http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status))));
}

// Formats a date for HTTP. `%a` and `%b` are English because no code sets the locale.
std::string Date(std::time_t now) {
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 40> text{};
  const size_t size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return {text.data(), size};
}

}  // namespace

std::string HttpRequest::HeaderOf(std::string_view name) const {
  std::string value;
  bool found = false;
  for (const HttpHeader& header : headers) {
    if (boost::beast::iequals(header.name, {name.data(), name.size()})) {
      value += (found ? ", " : "") + header.value;
      found = true;
    }
  }
  return value;
}

bool AnnouncesBody(const HttpRequest& request) {
  return !request.HeaderOf("Transfer-Encoding").empty() ||
         request.HeaderOf("Content-Length").find_first_not_of('0') != std::string::npos;
}

bool HasNoBody(int status) { return status == 204 || status == 304; }

std::string EncodeHead(const HttpAnswer& answer, const AnswerFraming& framing) {
  std::string text = "HTTP/1.1 " + std::to_string(answer.status) + " " +
                     ReasonPhrase(answer.status) + "\r\nDate: " + Date(std::time(nullptr)) + "\r\n";
  if (!HasNoBody(answer.status)) {
    text += "Content-Type: " + answer.content_type +
            "\r\nContent-Length: " + std::to_string(answer.body.size()) + "\r\n";
  }
  for (const HttpHeader& header : answer.headers) {
    text += header.name + ": " + header.value + "\r\n";
  }
  if (!framing.keep_alive) {
    text += "Connection: close\r\n";
  } else if (framing.to_http_1_0) {
    text += "Connection: keep-alive\r\n";
  }
  return text + "\r\n";
}

HttpAnswer PlainAnswer(int status, const std::string& reason) {
  std::string text = std::to_string(status) + " " + ReasonPhrase(status);
  if (!reason.empty()) {
    text += ": " + reason;
  }
  return {.status = status, .body = text + "\n"};
}

}  // namespace cdc
