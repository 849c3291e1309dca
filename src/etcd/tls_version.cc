#include "etcd/tls_version.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>

namespace cdc {
namespace {

constexpr std::chrono::milliseconds kStopCheck{50};

// Waits until the socket can go on, or for a moment.
void AwaitSocket(BIO* connection) {
  int socket = -1;
  BIO_get_fd(connection, &socket);
  pollfd wanted{.fd = socket,
                .events = static_cast<short>(BIO_should_read(connection) ? POLLIN : POLLOUT),
                .revents = 0};
  // While it connects, the socket may not exist yet.
  poll(&wanted, socket >= 0 ? 1 : 0, static_cast<int>(kStopCheck.count()));
}

// For servers that choose their certificate by it. It is not meant for IP addresses.
void SetServerName(BIO* connection, const std::string& address) {
  const std::string host = address.substr(0, address.rfind(':'));
  SSL* tls = nullptr;
  BIO_get_ssl(connection, &tls);
  if (tls != nullptr && !host.starts_with('[') &&
      host.find_first_not_of("0123456789.") != std::string::npos) {
    // SSL_set_tlsext_host_name, without the cast in that macro.
    SSL_ctrl(tls, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(host.c_str()));
  }
}

// Why the handshake has failed: the errors that OpenSSL has noted, the oldest first.
Status Failure() {
  const unsigned long error = ERR_get_error();
  const char* const reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  Status failure = UnavailableError("no connection with TLS 1.3, which tlsMinVersion demands: " +
                                    std::string(reason == nullptr ? "it was closed" : reason));
  if (ERR_SYSTEM_ERROR(error)) {
    failure =
        UnavailableError(std::string("no connection: ") + std::strerror(ERR_GET_REASON(error)));
  }
  ERR_clear_error();
  return failure;
}

}  // namespace

Status CheckSpeaksTls13(const std::string& address,
                        std::chrono::system_clock::time_point deadline,
                        const std::stop_token& stop) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  &SSL_CTX_free);
  if (context == nullptr || SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) != 1) {
    return InternalError("OpenSSL has no TLS 1.3");
  }
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> connection(BIO_new_ssl_connect(context.get()),
                                                                 &BIO_free_all);
  if (connection == nullptr || BIO_set_conn_hostname(connection.get(), address.c_str()) != 1) {
    return InternalError("OpenSSL cannot connect to " + address);
  }
  SetServerName(connection.get(), address);
  BIO_set_nbio(connection.get(), 1);
  ERR_clear_error();
  while (BIO_do_handshake(connection.get()) != 1) {
    if (BIO_should_retry(connection.get()) == 0) {
      return Failure();
    }
    if (stop.stop_requested()) {
      return CancelledError("stopped while connecting");
    }
    if (std::chrono::system_clock::now() >= deadline) {
      return UnavailableError("no connection in time");
    }
    AwaitSocket(connection.get());
  }
  return OkStatus();
}

}  // namespace cdc
