#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

#include "base/status.h"

namespace cdc {

// Runs `call` on a thread of its own and waits for its end or for a stop: then true or false. After
// a stop it goes on by itself for as long as it takes, so it must own all that it uses.
bool EndsBeforeStop(std::function<void()> call, const std::stop_token& stop);

// Whether a call that was left alone is still going on.
bool CallsAreLeft();

// The result of `call`, or kCancelled at once when a stop is requested, whatever `call` waits for.
template <class Value>
Result<Value> CallUntil(const std::stop_token& stop, std::function<Result<Value>()> call) {
  const auto result = std::make_shared<std::optional<Result<Value>>>();
  if (!EndsBeforeStop([result, call = std::move(call)] { result->emplace(call()); }, stop)) {
    return CancelledError("stopped");
  }
  return std::move(**result);
}

}  // namespace cdc
