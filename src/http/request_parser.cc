#include "http/request_parser.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

namespace cdc {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using ErrorCode = beast::error_code;

constexpr std::string_view kDigits = "0123456789";
// The characters of the host and port of a URI (RFC 3986).
constexpr std::string_view kHostCharacters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%!$&'()*+,;=:[]";
constexpr std::string_view kUnreserved =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
// The first byte of a TLS client hello.
constexpr char kTlsHandshake = '\x16';
// "0\r\n\r\n". While a chunked body is incomplete at least this much is still to come; Beast relies
// on seeing it in one piece.
constexpr size_t kLastChunkBytes = 5;

bool ConsistsOf(std::string_view text, std::string_view characters) {
  return text.find_first_not_of(characters) == std::string_view::npos;
}

// The value of a hexadecimal digit; 16: it is none.
unsigned HexValue(char digit) {
  const size_t value = std::string_view("0123456789abcdefABCDEF").find(digit);
  return value == std::string_view::npos ? 16U
                                         : static_cast<unsigned>(value < 16 ? value : value - 6);
}

// Decodes what need not be encoded (RFC 3986, 6.2.2.2), so that a path has one spelling, by which
// routes are chosen. A reserved character, such as an encoded slash, stays apart from a real one.
std::string Normalized(std::string_view path) {
  std::string text;
  for (size_t at = 0; at < path.size(); ++at) {
    if (path[at] == '%' && at + 2 < path.size()) {
      const unsigned byte = (HexValue(path[at + 1]) << 4U) + HexValue(path[at + 2]);
      if (HexValue(path[at + 1]) < 16 && HexValue(path[at + 2]) < 16 && byte < 0x80 &&
          kUnreserved.find(static_cast<char>(byte)) != std::string_view::npos) {
        text += static_cast<char>(byte);
        at += 2;
        continue;
      }
    }
    text += path[at];
  }
  return text;
}

// Splits "/path?query", or "http://host/path?query".
void SplitTarget(std::string_view target, HttpRequest* request) {
  bool has_host = false;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.starts_with(scheme)) {
      has_host = true;
      target.remove_prefix(std::min(target.find_first_of("/?#", scheme.size()), target.size()));
      break;
    }
  }
  target = target.substr(0, target.find('#'));
  const size_t path_end = target.find('?');
  request->path = Normalized(target.substr(0, path_end));
  if (has_host && request->path.empty()) {
    request->path = "/";
  }
  if (path_end != std::string_view::npos) {
    request->query = std::string(target.substr(path_end + 1));
  }
}

}  // namespace

// Beast's parser plus the checks it leaves to its user: which headers may occur together.
class RequestParser::Message final : public http::basic_parser<true> {
 public:
  Message(HttpRequest* request, size_t max_body_bytes) : request_(request) {
    body_limit(max_body_bytes);
    header_limit(UINT32_MAX);  // the caller counts
  }

  bool is_chunked() const { return chunked(); }
  bool http_1_0() const { return http_1_0_; }
  bool expects_continue() const { return expects_continue_ && !http_1_0_; }

  // Call it when the header is complete.
  Refusal CheckHeaders() const {
    if (content_lengths_ > 1 || !ConsistsOf(content_length_, kDigits) ||
        (content_lengths_ == 1 && content_length_.empty())) {
      return {400, "its Content-Length is not one number"};
    }
    if (transfer_encodings_ > 1 || (transfer_encodings_ > 0 && http_1_0_)) {
      return {400, "Transfer-Encoding stands there twice, or in a request of HTTP/1.0"};
    }
    if (transfer_encodings_ == 1 && !beast::iequals(transfer_encoding_, "chunked")) {
      return {501, "chunked is the only Transfer-Encoding that is understood"};
    }
    if (hosts_ > 1 || (hosts_ == 0 && !http_1_0_) || !ConsistsOf(host_, kHostCharacters)) {
      return {400, "it needs one Host header, with the name of a host"};
    }
    if (expects_other_ && !http_1_0_) {
      return {417, "100-continue is the only expectation that can be met"};
    }
    return {0, ""};
  }

 private:
  using View = beast::string_view;

  void on_request_impl(http::verb, View method, View target, int version, ErrorCode&) override {
    request_->method = std::string(method);
    SplitTarget({target.data(), target.size()}, request_);
    http_1_0_ = version < 11;
  }

  void on_field_impl(http::field name, View text, View value, ErrorCode&) override {
    // What follows a chunked body is no header: a proxy in front of us may not have looked at it.
    if (!header_complete_) {
      request_->headers.push_back({std::string(text), std::string(value)});
    }
    if (name == http::field::content_length) {
      ++content_lengths_;
      content_length_ = std::string(value);
    } else if (name == http::field::transfer_encoding) {
      ++transfer_encodings_;
      transfer_encoding_ = std::string(value);
    } else if (name == http::field::host) {
      ++hosts_;
      host_ = std::string(value);
    } else if (name == http::field::expect) {
      const bool known = beast::iequals(value, "100-continue");
      expects_continue_ = expects_continue_ || known;
      expects_other_ = expects_other_ || !known;
    }
  }

  size_t on_body_impl(View bytes, ErrorCode&) override {
    request_->body.append(bytes.data(), bytes.size());
    return bytes.size();
  }

  size_t on_chunk_body_impl(std::uint64_t, View bytes, ErrorCode& error) override {
    return on_body_impl(bytes, error);
  }

  void on_response_impl(int, View, int, ErrorCode&) override {}
  void on_header_impl(ErrorCode&) override { header_complete_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  void on_chunk_header_impl(std::uint64_t, View, ErrorCode&) override {}
  void on_finish_impl(ErrorCode&) override {}

  HttpRequest* const request_;
  bool http_1_0_ = false;
  bool header_complete_ = false;
  bool expects_continue_ = false;
  bool expects_other_ = false;
  int content_lengths_ = 0;
  int transfer_encodings_ = 0;
  int hosts_ = 0;
  std::string content_length_;
  std::string transfer_encoding_;
  std::string host_;
};

RequestParser::RequestParser(RequestLimits limits) : limits_(limits) {}

RequestParser::~RequestParser() = default;

RequestParser::Progress RequestParser::Feed(std::string_view bytes) {
  pending_.append(bytes);
  if (progress_ == Progress::kIdle || progress_ == Progress::kHeader) {
    ReadHeader();
  }
  if (progress_ == Progress::kBody) {
    ReadBody();
  }
  return progress_;
}

RequestParser::Progress RequestParser::End() {
  if (progress_ == Progress::kHeader || progress_ == Progress::kBody) {
    Refuse(400, "the connection ended early");
  }
  return progress_;
}

RequestParser::Progress RequestParser::Next() {
  request_ = HttpRequest();
  message_.reset();
  scanned_ = 0;
  line_begin_ = 0;
  expects_continue_ = false;
  header_complete_ = false;
  progress_ = Progress::kIdle;
  return Feed("");
}

void RequestParser::Drop() {
  message_.reset();
  request_ = HttpRequest();
  pending_ = std::string();
  header_complete_ = false;
  progress_ = Progress::kRefused;
}

bool RequestParser::TakeExpectation() { return std::exchange(expects_continue_, false); }

void RequestParser::ReadHeader() {
  // An empty line before a request is allowed; some clients send one after a body.
  while (scanned_ == 0 && pending_.starts_with("\r\n")) {
    pending_.erase(0, 2);
  }
  // A lone CR may be the first half of such a line.
  if (pending_.empty() || pending_ == "\r") {
    return;
  }
  progress_ = Progress::kHeader;
  if (pending_.front() == kTlsHandshake) {
    Refuse(400, "TLS is not spoken here, the address begins with http://");
    return;
  }
  for (; scanned_ < pending_.size(); ++scanned_) {
    if (!CheckByte(scanned_)) {
      return;
    }
    if (pending_[scanned_] != '\n') {
      continue;
    }
    if (line_begin_ > 0 && scanned_ == line_begin_ + 1) {
      ParseHeader(scanned_ + 1);
      return;
    }
    line_begin_ = scanned_ + 1;
  }
}

// Refuses what Beast would accept, or would notice only once the header is complete.
bool RequestParser::CheckByte(size_t at) {
  const auto byte = static_cast<unsigned char>(pending_[at]);
  const bool after_cr = at > 0 && pending_[at - 1] == '\r';
  if (at >= limits_.header_bytes) {
    if (line_begin_ == 0) {
      Refuse(414,
             "the request line is longer than " + std::to_string(limits_.header_bytes) + " bytes");
    } else {
      Refuse(431, "the headers are larger than " + std::to_string(limits_.header_bytes) + " bytes");
    }
  } else if (after_cr != (byte == '\n')) {
    Refuse(400, "a line does not end with CR and LF");
  } else if ((byte < ' ' && byte != '\r' && byte != '\n' && byte != '\t') || byte == 0x7f) {
    Refuse(400, "there is a control character in the header");
  } else if (at == line_begin_ && (byte == ' ' || byte == '\t')) {
    Refuse(400, "a line of the header begins with a blank");
  }
  return progress_ != Progress::kRefused;
}

void RequestParser::ParseHeader(size_t size) {
  message_ = std::make_unique<Message>(&request_, limits_.body_bytes);
  ErrorCode error;
  message_->put(boost::asio::buffer(pending_.data(), size), error);
  pending_.erase(0, size);
  // An oversized body is refused below, after the headers: a malformed request is the better
  // reason.
  if (error && error != http::error::body_limit) {
    Refuse(400, error.message());
    return;
  }
  if (Refusal refusal = message_->CheckHeaders(); refusal.status != 0) {
    Refuse(refusal.status, std::move(refusal.reason));
    return;
  }
  header_complete_ = true;
  if (error) {
    RefuseLargeBody();
    return;
  }
  keep_alive_ = message_->keep_alive();
  http_1_0_ = message_->http_1_0();
  expects_continue_ = message_->expects_continue();
  progress_ = Progress::kBody;
}

void RequestParser::ReadBody() {
  size_t read = 0;
  ErrorCode error;
  const size_t least = message_->is_chunked() ? kLastChunkBytes : 1;
  while (!message_->is_done() && pending_.size() - read >= least && !error) {
    read +=
        message_->put(boost::asio::buffer(pending_.data() + read, pending_.size() - read), error);
  }
  pending_.erase(0, read);
  // The client has begun to send the body: it does not wait for a `100 Continue`.
  expects_continue_ = expects_continue_ && read == 0 && pending_.empty();
  if (error == http::error::body_limit) {
    RefuseLargeBody();
  } else if (error && error != http::error::need_more) {
    Refuse(400, error.message());
  } else if (message_->is_done()) {
    progress_ = Progress::kComplete;
  } else if (pending_.size() > limits_.header_bytes) {
    Refuse(431, "what stands between the pieces of the body, or behind them, is too long");
  }
}

void RequestParser::Refuse(int status, std::string reason) {
  progress_ = Progress::kRefused;
  refusal_ = {.status = status, .reason = std::move(reason)};
  keep_alive_ = false;
}

void RequestParser::RefuseLargeBody() {
  request_.body = std::string();
  Refuse(413, "it is larger than " + std::to_string(limits_.body_bytes) + " bytes");
}

}  // namespace cdc
