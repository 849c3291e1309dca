#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "base/status.h"

namespace cdc {

// Checks that a server ("host:port") speaks TLS 1.3, by a handshake that offers nothing else. What
// the server shows of itself is not checked.
//
// gRPC accepts TLS 1.2, and its API has no way to change that. Where both sides speak 1.3, they
// cannot be made to use less: that is part of TLS 1.3. So a check before a connection is enough,
// unless the server itself changes in between.
//
// kUnavailable: it does not, or there was no handshake before `deadline`. kCancelled: stopped.
Status CheckSpeaksTls13(const std::string& address,
                        std::chrono::system_clock::time_point deadline,
                        const std::stop_token& stop);

}  // namespace cdc
