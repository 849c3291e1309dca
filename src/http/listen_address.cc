#include "http/listen_address.h"

#include <charconv>
#include <string_view>
#include <system_error>

namespace cdc {

Result<ListenAddress> ParseListenAddress(const std::string& address) {
  const auto invalid = [&address] {
    return InvalidArgumentError("the listen address must be host:port, got \"" + address + "\"");
  };
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) {
    return invalid();
  }
  ListenAddress parsed;
  const std::string_view digits = std::string_view(address).substr(colon + 1);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), parsed.port);
  if (error != std::errc() || end != digits.data() + digits.size() || parsed.port < 0 ||
      parsed.port > 65535) {
    return invalid();
  }
  parsed.host = address.substr(0, colon);
  if (parsed.host.size() > 2 && parsed.host.front() == '[' && parsed.host.back() == ']') {
    parsed.host = parsed.host.substr(1, parsed.host.size() - 2);
  } else if (parsed.host.find(':') != std::string::npos) {
    return invalid();
  }
  if (parsed.host.empty()) {
    parsed.host = "0.0.0.0";
  }
  return parsed;
}

}  // namespace cdc
