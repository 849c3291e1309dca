#include "http/client_stream.h"

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <openssl/ssl.h>

namespace cdc {

ClientStream::ClientStream(boost::asio::ip::tcp::socket socket,
                           std::shared_ptr<boost::asio::ssl::context> tls)
    : context_(std::move(tls)), socket_(std::move(socket)) {}

void ClientStream::Handshake(std::function<void(const Error&)> handler) {
  Error ignored;  // then the look at the first byte may wait for it, which is there
  socket_.non_blocking(true, ignored);
  auto on_byte = [this, handler = std::move(handler)](const Error& error) mutable {
    if (error || BeginsAsHttp()) {
      handler(error);
      return;
    }
    raw_ = false;
    tls_.emplace(socket_, *context_);
    tls_->async_handshake(Tls::server, [this, handler = std::move(handler)](const Error& failure) {
      raw_ = failure.failed();
      inside_tls_ = !raw_;
      handler(failure);
    });
  };
  socket_.async_wait(boost::asio::ip::tcp::socket::wait_read, std::move(on_byte));
}

// Methods are in capitals, and no record of TLS begins with one.
bool ClientStream::BeginsAsHttp() {
  char first = 0;
  Error error;
  const size_t size = socket_.receive(boost::asio::buffer(&first, 1),
                                      boost::asio::socket_base::message_peek, error);
  return size == 1 && first >= 'A' && first <= 'Z';
}

bool ClientStream::has_client_certificate() {
  if (!tls_) {
    return false;
  }
  const SSL* const native = tls_->native_handle();
  return SSL_get0_peer_certificate(native) != nullptr && SSL_get_verify_result(native) == X509_V_OK;
}

// A client that closes its connection without saying so in TLS has sent its last byte, too. Whether
// something was cut off shows by the length of the request.
ClientStream::Error ClientStream::WithoutTruncation(const Error& error) {
  return error == boost::asio::ssl::error::stream_truncated ? Error(boost::asio::error::eof)
                                                            : error;
}

void ClientStream::Finish(std::function<void(const Error&)> handler) {
  auto end = [this, handler = std::move(handler)] {
    raw_ = true;
    inside_tls_ = false;
    Error error;
    socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, error);
    handler(error);
  };
  if (raw_) {
    end();
  } else {
    // It has failed if the client goes on sending: nothing of that is decoded any more.
    tls_->async_shutdown([end = std::move(end)](const Error&) { end(); });
  }
}

void ClientStream::Close() {
  Error ignored;  // a socket that fails to close leaves nothing to do
  socket_.close(ignored);
}

}  // namespace cdc
