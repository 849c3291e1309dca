#include "cli/tls_failure.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

namespace cdc::cli {
namespace {

// Whether an alert of the server is about the certificate that we have shown, or have not.
bool IsAboutOurCertificate(int reason) {
  switch (reason - SSL_AD_REASON_OFFSET) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_DECRYPT_ERROR:  // another authority of the same name has signed it
    case SSL_AD_CERTIFICATE_REQUIRED: return true;
    default: return false;
  }
}

}  // namespace

void ForgetTlsErrors() { ERR_clear_error(); }

std::optional<Status> TlsFailure(const std::string& base, bool is_certificate, long verify_result) {
  if (is_certificate) {
    const std::string why = verify_result == X509_V_OK
                                ? "it is for another name"
                                : X509_verify_cert_error_string(verify_result);
    return UnavailableError("cannot trust the certificate of " + base + ": " + why);
  }
  const unsigned long error = ERR_peek_error();
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) {
    return std::nullopt;
  }
  const int reason = ERR_GET_REASON(error);
  const char* const text = ERR_reason_error_string(error);
  const std::string words = text == nullptr ? "unknown reason" : text;
  if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST) {
    return UnavailableError(base + " does not speak TLS");
  }
  if (IsAboutOurCertificate(reason)) {
    return FailedPreconditionError(base + " refused the client certificate: " + words);
  }
  return UnavailableError("cannot reach " + base + ": TLS failed: " + words);
}

}  // namespace cdc::cli
