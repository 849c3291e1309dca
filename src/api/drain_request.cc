#include "api/drain_request.h"

#include <chrono>
#include <string>

namespace cdc {
namespace {

constexpr int kMaxTimeoutMs = 86'400'000;

}  // namespace

DrainOptions DrainRequest::options() const {
  return {.timeout = std::chrono::milliseconds(timeout_ms), .accept_waiting = accept_waiting};
}

DrainRequest ReadDrainRequest(const RequestReader& reader) {
  DrainRequest request;
  reader.Read("timeout_ms", &request.timeout_ms);
  reader.Read("accept_waiting", &request.accept_waiting);
  reader.Read("cancel", &request.cancel);
  return request;
}

Status CheckDrainRequest(const DrainRequest& request) {
  if (!request.cancel && (request.timeout_ms < 0 || request.timeout_ms > kMaxTimeoutMs)) {
    return InvalidArgumentError("timeout_ms is 0 to " + std::to_string(kMaxTimeoutMs) +
                                " (a day), got " + std::to_string(request.timeout_ms));
  }
  return OkStatus();
}

}  // namespace cdc
