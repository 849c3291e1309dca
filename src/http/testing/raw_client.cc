#include "http/testing/raw_client.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cdc {
namespace {

using Clock = std::chrono::steady_clock;

bool WaitFor(int socket, short events, Clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  pollfd entry{.fd = socket, .events = events, .revents = 0};
  return ::poll(&entry, 1, static_cast<int>(std::max<int64_t>(0, left))) > 0;
}

size_t LengthOf(std::string head) {
  std::transform(head.begin(), head.end(), head.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::string name = "\r\ncontent-length: ";
  const size_t at = head.find(name);
  return at == std::string::npos ? 0 : std::strtoull(head.c_str() + at + name.size(), nullptr, 10);
}

}  // namespace

RawClient::RawClient(int port, std::string_view bytes)
    : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the system call requires it.
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    Send(bytes);
  }
}

RawClient::~RawClient() {
  if (socket_ >= 0) {
    ::close(socket_);
  }
}

RawClient::RawClient(RawClient&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), received_(std::move(other.received_)) {}

bool RawClient::Send(std::string_view bytes) {
  const auto deadline = Clock::now() + kLimit;
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno != EAGAIN || !WaitFor(socket_, POLLOUT, deadline)) {
      return false;
    }
  }
  return true;
}

size_t RawClient::SendSome(std::string_view bytes) {
  const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent > 0 ? static_cast<size_t>(sent) : 0;
}

void RawClient::EndSending() { ::shutdown(socket_, SHUT_WR); }

RawAnswer RawClient::Read(std::chrono::milliseconds limit, bool to_head) {
  const auto deadline = Clock::now() + limit;
  size_t head_end = 0;
  while ((head_end = received_.find("\r\n\r\n")) == std::string::npos) {
    if (Receive(deadline) != Outcome::kBytes) {
      return {};
    }
  }
  RawAnswer answer;
  answer.head = received_.substr(0, head_end);
  received_.erase(0, head_end + 4);
  const size_t space = answer.head.find(' ');
  answer.status = space == std::string::npos ? 0 : std::atoi(answer.head.c_str() + space);
  const size_t length = to_head ? 0 : LengthOf(answer.head);
  while (received_.size() < length) {
    if (Receive(deadline) != Outcome::kBytes) {
      return {};
    }
  }
  answer.body = received_.substr(0, length);
  received_.erase(0, length);
  return answer;
}

bool RawClient::WaitForEnd(std::chrono::milliseconds limit) {
  return received_.empty() && Receive(Clock::now() + limit) == Outcome::kEnd;
}

RawClient::Outcome RawClient::Receive(Clock::time_point deadline) {
  std::array<char, 65536> buffer{};
  if (!WaitFor(socket_, POLLIN, deadline)) {
    return Outcome::kTimeout;
  }
  const ssize_t size = ::recv(socket_, buffer.data(), buffer.size(), 0);
  if (size <= 0) {
    return Outcome::kEnd;
  }
  received_.append(buffer.data(), static_cast<size_t>(size));
  return Outcome::kBytes;
}

RawAnswer Exchange(int port, std::string_view bytes) {
  RawClient client(port, bytes);
  return client.Read();
}

}  // namespace cdc
