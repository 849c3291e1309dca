#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/ssl/context.hpp>

#include "base/mutex.h"
#include "base/status.h"
#include "base/thread.h"
#include "http/http_server.h"

namespace cdc {

// The certificate that a server shows, and how it checks those of its clients. It looks at the
// files every second and reads them again when one has changed, so that a renewed certificate needs
// no restart; while they do not fit together it keeps what it has. Thread-safe.
class TlsCertificates {
 public:
  using Context = boost::asio::ssl::context;

  // kInvalidArgument: as of CheckTlsFiles.
  static Result<std::unique_ptr<TlsCertificates>> Load(HttpTlsOptions options);
  ~TlsCertificates();
  TlsCertificates(const TlsCertificates&) = delete;
  TlsCertificates& operator=(const TlsCertificates&) = delete;

  // For a new connection.
  std::shared_ptr<Context> current();

 private:
  // Of a file: inode, size, and the times when it and its rights were changed. All 0: it cannot be
  // seen.
  using Version = std::array<int64_t, 6>;
  using Versions = std::array<Version, 3>;

  explicit TlsCertificates(HttpTlsOptions options);
  Versions Look() const;
  void Renew();

  const HttpTlsOptions options_;
  // Used by the thread, once it runs.
  Versions seen_{};
  std::string failure_;  // of the last attempt; empty: it has succeeded
  Mutex mutex_;
  std::shared_ptr<Context> current_ CDC_GUARDED_BY(mutex_);
  Thread thread_;  // nothing may be declared after it: it uses what is above
};

}  // namespace cdc
