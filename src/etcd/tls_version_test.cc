#include "etcd/tls_version.h"

#include <chrono>
#include <stop_token>
#include <string>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cdc {
namespace {

using ::testing::HasSubstr;

// Listens, and never says a word.
class SilentServer {
 public:
  SilentServer() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(socket_, any, size), 0);
    EXPECT_EQ(listen(socket_, 8), 0);
    EXPECT_EQ(getsockname(socket_, any, &size), 0);
    address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  ~SilentServer() { Close(); }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;

  void Close() {
    if (socket_ >= 0) {
      close(socket_);
      socket_ = -1;
    }
  }
  const std::string& address() const { return address_; }

 private:
  int socket_;
  std::string address_;
};

std::chrono::system_clock::time_point In(std::chrono::milliseconds wait) {
  return std::chrono::system_clock::now() + wait;
}

TEST(TlsVersionTest, NobodyIsThere) {
  SilentServer server;
  server.Close();
  const Status status = CheckSpeaksTls13(server.address(), In(std::chrono::minutes(1)), {});
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("no connection: Connection refused"));
}

TEST(TlsVersionTest, ASilentServerIsNotWaitedForWithoutEnd) {
  const SilentServer server;
  const Status late = CheckSpeaksTls13(server.address(), In(std::chrono::milliseconds(100)), {});
  EXPECT_EQ(late.code(), StatusCode::kUnavailable);
  EXPECT_THAT(late.message(), HasSubstr("no connection in time"));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(
      CheckSpeaksTls13(server.address(), In(std::chrono::minutes(1)), stop.get_token()).code(),
      StatusCode::kCancelled);
}

}  // namespace
}  // namespace cdc
