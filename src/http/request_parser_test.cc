#include "http/request_parser.h"

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc {
namespace {

using ::testing::HasSubstr;
using Progress = RequestParser::Progress;

constexpr RequestLimits kParserLimits{.header_bytes = 200, .body_bytes = 20};
const std::string kHost = "Host: h\r\n";

// What a connection with exactly these bytes yields: its requests, and how it ends.
struct Parsed {
  std::vector<std::string> requests;  // "POST /path body", followed by "close" if it ends the
                                      // connection
  Progress end = Progress::kIdle;
  int status = 0;
  std::string reason;

  bool operator==(const Parsed&) const = default;
};

Parsed Parse(std::string_view bytes, size_t piece) {
  RequestParser parser(kParserLimits);
  Parsed parsed;
  while (!bytes.empty() && parser.progress() != Progress::kRefused) {
    const std::string_view part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    parser.Feed(part);
    while (parser.progress() == Progress::kComplete) {
      const bool keep_alive = parser.keep_alive();
      const HttpRequest request = parser.TakeRequest();
      parsed.requests.push_back(request.method + " " + request.path + " " + request.body +
                                (keep_alive ? "" : " close"));
      parser.Next();
    }
  }
  parsed.end = parser.progress();
  if (parsed.end == Progress::kRefused) {
    parsed.status = parser.refusal().status;
    parsed.reason = parser.refusal().reason;
  }
  return parsed;
}

// The result must not depend on how the bytes are split.
Parsed Parse(const std::string& bytes) {
  Parsed whole = Parse(bytes, bytes.size());
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{3}, size_t{7}}) {
    const Parsed cut = Parse(bytes, piece);
    EXPECT_EQ(cut.requests, whole.requests) << piece << ": " << bytes;
    EXPECT_EQ(cut.end, whole.end) << piece << ": " << bytes;
    EXPECT_EQ(cut.reason, whole.reason) << piece << ": " << bytes;
  }
  return whole;
}

std::string Request(const std::string& line,
                    const std::string& headers,
                    const std::string& body = "") {
  return line + " HTTP/1.1\r\n" + headers + "\r\n" + body;
}

TEST(RequestParserTest, ReadsRequests) {
  const auto parse_one = [](const std::string& bytes) {
    const Parsed parsed = Parse(bytes);
    EXPECT_EQ(parsed.end, Progress::kIdle) << bytes << parsed.reason;
    return parsed.requests.size() == 1 ? parsed.requests.front() : "not one";
  };
  EXPECT_EQ(parse_one(Request("GET /", kHost)), "GET / ");
  EXPECT_EQ(parse_one(Request("GET /a?b=c", kHost)), "GET /a ");
  EXPECT_EQ(parse_one(Request("GET http://h:1/a/b?c", kHost)), "GET /a/b ");
  EXPECT_EQ(parse_one(Request("GET http://h", kHost)), "GET / ");
  EXPECT_EQ(parse_one(Request("OPTIONS *", kHost)), "OPTIONS * ");
  EXPECT_EQ(parse_one(Request("BREW /a", "HOST:h:80\r\n")), "BREW /a ");
  EXPECT_EQ(parse_one(Request("GET /a", "Host: [::1]:8444\r\nX: \tb\xc3\xa4  \r\n")), "GET /a ");
  EXPECT_EQ(parse_one(Request("GET /a", "Host:\r\nConnection: close\r\n")), "GET /a  close");
  EXPECT_EQ(parse_one(Request("POST /a", kHost + "Content-Length: 5\r\n", "12345")),
            "POST /a 12345");
  EXPECT_EQ(parse_one(Request("POST /a", kHost + "Content-Length: 0\r\n")), "POST /a ");
  EXPECT_EQ(parse_one(Request("POST /a", kHost)), "POST /a ");
  EXPECT_EQ(parse_one(Request("GET /a", kHost + "Content-Length: 2\r\n", "\r\n")), "GET /a \r\n");
}

TEST(RequestParserTest, ReadsChunks) {
  const std::string chunked = kHost + "Transfer-Encoding: chunked\r\n";
  const auto body_of = [&chunked](const std::string& body) {
    const Parsed parsed = Parse(Request("POST /a", chunked, body));
    return parsed.end == Progress::kIdle && parsed.requests.size() == 1 ? parsed.requests.front()
                                                                        : parsed.reason;
  };
  EXPECT_EQ(body_of("0\r\n\r\n"), "POST /a ");
  EXPECT_EQ(body_of("5\r\n12345\r\n0\r\n\r\n"), "POST /a 12345");
  EXPECT_EQ(body_of("1\r\n1\r\n0A\r\n0123456789\r\n00\r\n\r\n"), "POST /a 10123456789");
  EXPECT_EQ(body_of("3;a=b;c=\"d\"\r\n123\r\n0;e\r\nTrailer: x\r\n\r\n"), "POST /a 123");
  for (const std::string body :
       {"x\r\n\r\n", "-1\r\n1\r\n", "0x5\r\n12345\r\n0\r\n\r\n", "5\n12345\r\n0\r\n\r\n",
        "5\r\n123456\r\n0\r\n\r\n", "10000000000000001\r\n1\r\n", "0\r\nContent-Length: 5\r\n\r\n",
        "0\r\nTransfer-Encoding: chunked\r\n\r\n", "\r\n\r\n\r\n", "5 5\r\n12345\r\n"}) {
    EXPECT_EQ(Parse(Request("POST /a", chunked, body)).status, 400) << body;
  }
}

TEST(RequestParserTest, ReadsAllRequestsOfAConnection) {
  const std::string get = Request("GET /1", kHost);
  const std::string post = Request("POST /2", kHost + "Content-Length: 3\r\n", "abc");
  const std::string chunks =
      Request("POST /3", kHost + "Transfer-Encoding: Chunked\r\n", "3\r\nabc\r\n0\r\n\r\n");
  EXPECT_EQ(Parse(get + post + chunks + get).requests,
            (std::vector<std::string>{"GET /1 ", "POST /2 abc", "POST /3 abc", "GET /1 "}));
  // Some clients send an empty line after a body.
  EXPECT_EQ(Parse("\r\n" + post + "\r\n\r\n" + get).requests,
            (std::vector<std::string>{"POST /2 abc", "GET /1 "}));
  EXPECT_EQ(Parse(get + "GET /2").end, Progress::kHeader);
}

TEST(RequestParserTest, KeepsQueryAndHeaders) {
  RequestParser parser({.header_bytes = 200, .body_bytes = 20});
  parser.Feed(
      "POST http://h/a%2Fb?q=1?&x#part HTTP/1.1\r\nHost: h\r\nIf-Match: \"1\"\r\nif-match:  "
      "\"2\" \r\nEmpty:\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: late\r\n\r\n");
  ASSERT_EQ(parser.progress(), Progress::kComplete) << parser.refusal().reason;
  const HttpRequest request = parser.TakeRequest();
  EXPECT_EQ(request.path, "/a%2Fb");
  EXPECT_EQ(request.query, "q=1?&x");
  EXPECT_EQ(request.HeaderOf("IF-match"), "\"1\", \"2\"");
  EXPECT_EQ(request.HeaderOf("empty"), "");
  EXPECT_EQ(request.HeaderOf("accept"), "");
  EXPECT_EQ(request.HeaderOf("Authorization"), "") << "it is in the trailer";
}

TEST(RequestParserTest, TargetsWithAHost) {
  const auto parts = [](const std::string& target) {
    RequestParser parser({.header_bytes = 200, .body_bytes = 20});
    parser.Feed("GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(parser.progress(), Progress::kComplete) << parser.refusal().reason;
    const HttpRequest request = parser.TakeRequest();
    return request.path + " " + request.query;
  };
  EXPECT_EQ(parts("http://h"), "/ ");
  EXPECT_EQ(parts("http://h?a=/b"), "/ a=/b");
  EXPECT_EQ(parts("https://h/c?a=1"), "/c a=1");
  EXPECT_EQ(parts("/go?to=http://h/c"), "/go to=http://h/c");
}

TEST(RequestParserTest, APathHasOneSpelling) {
  for (const auto& [sent, path] : std::vector<std::pair<std::string, std::string>>{
           {"/%74asks/%2e%2E/%7E%5f", "/tasks/../~_"},
           {"/%2F%25%20%00%ff%c3%a4", "/%2F%25%20%00%ff%c3%a4"},
           {"/%2574asks", "/%2574asks"},
           {"/%7/%zz/%/%6", "/%7/%zz/%/%6"},
           {"/a%61?%61", "/aa"}}) {
    RequestParser parser({});
    parser.Feed("GET " + sent + " HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_EQ(parser.progress(), Progress::kComplete) << sent;
    EXPECT_EQ(parser.request().path, path);
  }
}

TEST(RequestParserTest, Http10) {
  const Parsed once = Parse("GET /a HTTP/1.0\r\n\r\n");
  EXPECT_EQ(once.requests, std::vector<std::string>{"GET /a  close"});
  const Parsed kept = Parse("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(kept.requests, std::vector<std::string>{"GET /a "});
  RequestParser parser(kParserLimits);
  parser.Feed("GET /a HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
  EXPECT_EQ(parser.progress(), Progress::kBody);
  EXPECT_TRUE(parser.http_1_0());
  EXPECT_FALSE(parser.TakeExpectation());
}

TEST(RequestParserTest, WhatCanBeReadInTwoWaysIsRefused) {
  const std::string length = "Content-Length: 5\r\n";
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  for (const std::string& headers :
       std::vector<std::string>{length + "Content-Length: 6\r\n",
                                length + length,
                                "Content-Length: 5, 5\r\n",
                                "Content-Length: 5 5\r\n",
                                "Content-Length: +5\r\n",
                                "Content-Length: -1\r\n",
                                "Content-Length: 0x5\r\n",
                                "Content-Length: five\r\n",
                                "Content-Length: 5.0\r\n",
                                "Content-Length:\r\n",
                                "Content-Length: ,5\r\n",
                                "Content-Length: 5,\r\n",
                                "Content-Length: 18446744073709551616\r\n",
                                "Content-Length: 99999999999999999999999\r\n",
                                length + chunked,
                                chunked + length,
                                chunked + chunked,
                                "Transfer-Encoding: gzip\r\n" + chunked,
                                "Content-Length : 5\r\n",
                                "Transfer-Encoding : chunked\r\n",
                                "Transfer-Encoding: \x0b"
                                "chunked\r\n",
                                "Content-Length: 5\r\n X\r\n",
                                "X: a\r\n\tb\r\n",
                                " X: a\r\n",
                                ": a\r\n",
                                "X\r\n",
                                "X: a\rContent-Length: 5\r\n",
                                "X: a\nContent-Length: 5\r\n",
                                "X: \x7f\r\n",
                                std::string("X: a\0b\r\n", 8),
                                "X[: a\r\n",
                                kHost}) {
    const Parsed parsed = Parse(Request("POST /a", kHost + headers, "12345"));
    EXPECT_EQ(parsed.status, 400) << headers;
    EXPECT_FALSE(parsed.reason.empty()) << headers;
    EXPECT_TRUE(parsed.requests.empty()) << headers;
  }
  EXPECT_EQ(Parse("POST /a HTTP/1.0\r\n" + chunked + "\r\n0\r\n\r\n").status, 400);
  EXPECT_EQ(Parse("GET /a HTTP/1.1\n" + kHost + "\n").status, 400);
}

TEST(RequestParserTest, TransferCodingsAndExpectationsThatAreNotKnown) {
  for (const char* coding :
       {"gzip", "gzip, chunked", "chunked, gzip", "identity", "xchunked", ""}) {
    EXPECT_EQ(Parse(Request("POST /a", kHost + "Transfer-Encoding: " + coding + "\r\n")).status,
              501)
        << coding;
  }
  EXPECT_EQ(Parse(Request("GET /a", kHost + "Expect: wonders\r\n")).status, 417);
}

TEST(RequestParserTest, HostIsNeededOnce) {
  EXPECT_EQ(Parse(Request("GET /a", "")).status, 400);
  EXPECT_EQ(Parse(Request("GET /a", "Host: a\r\nHost: a\r\n")).status, 400);
  EXPECT_EQ(Parse(Request("GET /a", "Host: a b\r\n")).status, 400);
  EXPECT_EQ(Parse(Request("GET /a", "Host: a/b@c\r\n")).status, 400);
  EXPECT_EQ(Parse("GET /a HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n").status, 400);
}

TEST(RequestParserTest, OtherProtocols) {
  const Parsed tls = Parse(std::string("\x16\x03\x01\x02\x00\x01", 6));
  EXPECT_EQ(tls.status, 400);
  EXPECT_THAT(tls.reason, HasSubstr("http://"));
  EXPECT_EQ(Parse("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").status, 400);
  for (const char* line :
       {"GET /a\r\n\r\n", "GET /a HTTP/0.9\r\n\r\n", "GET /a HTTP/1.10\r\n\r\n",
        "GET  /a HTTP/1.1\r\n\r\n", "GET /a b HTTP/1.1\r\n\r\n", " GET /\r\n\r\n",
        "GET\t/a HTTP/1.1\r\n\r\n", "{\"request_type\":\"list\"}\r\n\r\n"}) {
    EXPECT_EQ(Parse(line).status, 400) << line;
  }
}

TEST(RequestParserTest, LimitOfTheHeader) {
  const std::string begin = Request("GET /a", kHost + "X: ");
  const std::string head = begin.substr(0, begin.size() - 2);
  const auto filled = [&head](size_t size) {
    return head + std::string(size - head.size() - 4, 'x') + "\r\n\r\n";
  };
  EXPECT_EQ(Parse(filled(kParserLimits.header_bytes)).requests.size(), 1U);
  EXPECT_EQ(Parse(filled(kParserLimits.header_bytes + 1)).status, 431);
  // Also when its end is missing.
  EXPECT_EQ(Parse(head + std::string(200, 'x')).status, 431);
  EXPECT_EQ(Parse("GET /" + std::string(200, 'x')).status, 414);
}

TEST(RequestParserTest, LimitOfTheBody) {
  const std::string most(20, 'x');
  EXPECT_EQ(Parse(Request("POST /a", kHost + "Content-Length: 20\r\n", most)).requests,
            std::vector<std::string>{"POST /a " + most});
  // Before the first byte of the body has arrived.
  for (const char* length : {"21", "8589934592", "18446744073709551615"}) {
    RequestParser parser(kParserLimits);
    parser.Feed(
        Request("POST /a", kHost + "Content-Length: " + length + "\r\nExpect: 100-continue\r\n"));
    ASSERT_EQ(parser.progress(), Progress::kRefused) << length;
    EXPECT_EQ(parser.refusal().status, 413);
    EXPECT_EQ(parser.refusal().reason, "it is larger than 20 bytes");
    EXPECT_EQ(parser.request().path, "/a");
    EXPECT_FALSE(parser.TakeExpectation());
  }
  const std::string chunked = Request("POST /a", kHost + "Transfer-Encoding: chunked\r\n");
  EXPECT_EQ(Parse(chunked + "a\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n").requests.size(), 1U);
  EXPECT_EQ(Parse(chunked + "a\r\n0123456789\r\nb\r\n").status, 413);
  EXPECT_EQ(Parse(chunked + "200000000\r\n").status, 413);
  // The parts that are not body are bounded as well.
  EXPECT_EQ(Parse(chunked + "1;" + std::string(300, 'x')).status, 431);
  EXPECT_EQ(Parse(chunked + "0\r\nX: " + std::string(300, 'x')).status, 431);
}

TEST(RequestParserTest, Expectation) {
  const std::string head =
      Request("POST /a", kHost + "Expect: 100-Continue\r\nContent-Length: 3\r\n");
  RequestParser parser(kParserLimits);
  parser.Feed(head);
  EXPECT_EQ(parser.progress(), Progress::kBody);
  EXPECT_TRUE(parser.TakeExpectation());
  EXPECT_FALSE(parser.TakeExpectation());
  EXPECT_EQ(parser.Feed("abc"), Progress::kComplete);
  // A client that sends the body at once does not wait.
  parser.Next();
  parser.Feed(head + "a");
  EXPECT_FALSE(parser.TakeExpectation());
  EXPECT_EQ(parser.Feed("bc"), Progress::kComplete);
  EXPECT_EQ(parser.request().body, "abc");
}

TEST(RequestParserTest, EndOfTheConnection) {
  RequestParser parser(kParserLimits);
  EXPECT_EQ(parser.End(), Progress::kIdle);
  for (const char* bytes :
       {"GET /a", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab"}) {
    RequestParser cut(kParserLimits);
    cut.Feed(bytes);
    EXPECT_EQ(cut.End(), Progress::kRefused);
    EXPECT_EQ(cut.refusal().reason, "the connection ended early");
  }
}

}  // namespace
}  // namespace cdc
