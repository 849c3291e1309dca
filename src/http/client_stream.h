#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

namespace cdc {

// The bytes to and from one client, in clear or inside TLS. Handlers are called by the thread of
// its io_context, which is the only one that may use it; it must live until all of them are.
class ClientStream {
 public:
  using Error = boost::system::error_code;
  using Buffers = std::array<boost::asio::const_buffer, 2>;

  // `tls` nullptr: in clear.
  ClientStream(boost::asio::ip::tcp::socket socket, std::shared_ptr<boost::asio::ssl::context> tls);

  boost::asio::any_io_executor executor() { return socket_.get_executor(); }
  bool needs_handshake() const { return context_ != nullptr; }

  // The first operation, if one is needed. A client whose first byte is that of an HTTP request is
  // not shaken hands with: the stream goes on in clear, so that it can be told. After an error
  // nothing is encrypted or decrypted any more.
  void Handshake(std::function<void(const Error&)> handler);

  // Whether bytes are inside TLS, the handshake being over.
  bool inside_tls() const { return inside_tls_; }
  // Whether it is in clear although TLS is wanted.
  bool lacks_tls() const { return context_ != nullptr && !tls_; }
  // Whether the client has shown a certificate, and that was signed by an authority we trust.
  bool has_client_certificate();

  // Calls the handler with an error and a size. eof: the client has sent its last byte.
  template <class Handler>
  void Read(boost::asio::mutable_buffer buffer, Handler handler) {
    if (raw_) {
      socket_.async_read_some(buffer, std::move(handler));
      return;
    }
    tls_->async_read_some(buffer,
                          [handler = std::move(handler)](const Error& error, size_t size) mutable {
                            handler(WithoutTruncation(error), size);
                          });
  }

  // Writes all, then calls the handler with an error and a size.
  template <class Handler>
  void Write(const Buffers& buffers, Handler handler) {
    if (raw_) {
      boost::asio::async_write(socket_, buffers, std::move(handler));
    } else {
      boost::asio::async_write(*tls_, buffers, std::move(handler));
    }
  }

  // Tells the client that nothing more will come; then what it still sends is read, undecoded. In
  // clear the handler is called before this returns.
  void Finish(std::function<void(const Error&)> handler);
  void Close();

 private:
  using Tls = boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>;

  static Error WithoutTruncation(const Error& error);
  bool BeginsAsHttp();

  std::shared_ptr<boost::asio::ssl::context> context_;
  boost::asio::ip::tcp::socket socket_;
  // Made with the first byte: a client that sends nothing costs no buffers. Uses what is above.
  std::optional<Tls> tls_;
  bool raw_ = true;  // bytes are neither encrypted nor decrypted
  bool inside_tls_ = false;
};

}  // namespace cdc
