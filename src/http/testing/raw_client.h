#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace cdc {

// A server's answer. `status` 0: the connection ended, or nothing came in time.
struct RawAnswer {
  int status = 0;
  std::string head;  // status line and headers
  std::string body;
};

// A client that sends exactly the given bytes to a port of this machine.
class RawClient {
 public:
  static constexpr std::chrono::milliseconds kLimit{10'000};

  explicit RawClient(int port, std::string_view bytes = "");
  ~RawClient();
  RawClient(RawClient&& other) noexcept;
  RawClient& operator=(RawClient&&) = delete;
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False if the server has closed the connection or takes nothing for kLimit.
  bool Send(std::string_view bytes);
  // Sends as much as possible without waiting; returns how much.
  size_t SendSome(std::string_view bytes);
  // Sends nothing more but keeps reading.
  void EndSending();

  // Returns the next answer. `to_head`: it has no body, whatever its length says.
  RawAnswer Read(std::chrono::milliseconds limit = kLimit, bool to_head = false);
  // Whether the server ends the connection, without another byte.
  bool WaitForEnd(std::chrono::milliseconds limit = kLimit);

 private:
  enum class Outcome { kBytes, kEnd, kTimeout };
  Outcome Receive(std::chrono::steady_clock::time_point deadline);

  int socket_ = -1;
  std::string received_;
};

// Connects, sends, and returns the first answer.
RawAnswer Exchange(int port, std::string_view bytes);

}  // namespace cdc
