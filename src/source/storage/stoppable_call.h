#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "base/status.h"

namespace cdc {

// How long a call is waited for.
struct CallPatience {
  std::stop_token stop{};
  std::optional<std::chrono::milliseconds> limit{};  // none: as long as it takes
};

enum class CallEnd { kEnded, kStopped, kTooLate };

// Runs `call` and waits for its end, a stop or the limit; on a thread of its own if it may have to
// leave the call alone. A call that is left goes on by itself for as long as it takes, so it must
// own all that it uses. With a limit, kTooLate at once while too many are left.
CallEnd RunCall(std::function<void()> call, const CallPatience& patience);

// Whether a call that was left alone is still going on.
bool CallsAreLeft();

// The result of `call`, or at once kCancelled when a stop is requested, and kUnavailable at the
// limit, whatever `call` waits for. `what` begins the message then, and that of an exception, which
// the libraries of clouds throw at answers that they do not expect.
template <class Value>
Result<Value> CallWith(const CallPatience& patience,
                       const std::string& what,
                       std::function<Result<Value>()> call) {
  const auto result = std::make_shared<std::optional<Result<Value>>>();
  const auto run = [result, what, call = std::move(call)] {
    try {
      result->emplace(call());
    } catch (const std::exception& error) {
      result->emplace(UnavailableError(what + ": " + error.what()));
    }
  };
  switch (RunCall(run, patience)) {
    case CallEnd::kEnded: return std::move(**result);
    case CallEnd::kStopped: return CancelledError("stopped");
    case CallEnd::kTooLate: break;
  }
  return UnavailableError(what + ": no answer within " + std::to_string(patience.limit->count()) +
                          " ms");
}

}  // namespace cdc
