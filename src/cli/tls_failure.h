#pragma once

#include <optional>
#include <string>

#include "base/status.h"

namespace cdc::cli {

// Forgets the errors of TLS that this thread has seen. Call it before a request.
void ForgetTlsErrors();

// Why a request to an https:// server, the last one of this thread, failed because of TLS. nullopt:
// for another reason.
//
// `verify_result`: what OpenSSL says of the server's certificate; `is_certificate`: the library
// says that this was the reason. kUnavailable, or kFailedPrecondition if the server refused our
// certificate.
std::optional<Status> TlsFailure(const std::string& base, bool is_certificate, long verify_result);

}  // namespace cdc::cli
