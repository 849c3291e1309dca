#include "http/tls.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include "base/file.h"
#include "http/openssl_types.h"

namespace cdc {
namespace {

using TlsContext = boost::asio::ssl::context;

constexpr std::chrono::seconds kLookInterval{1};
// Of TLS 1.2, only what keeps recorded traffic secret when the key is stolen later, and is
// authenticated. TLS 1.3 has nothing else.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr std::string_view kCertKey = "http.tls.certPath: ";
constexpr std::string_view kKeyKey = "http.tls.keyPath: ";
constexpr std::string_view kClientCaKey = "http.tls.clientCAPath: ";

Status Unusable(std::string_view key, const std::string& path, const std::string& what) {
  return InvalidArgumentError(std::string(key) + path + " " + what);
}

Result<std::string> ReadPem(std::string_view key, const std::string& path) {
  Result<std::string> text = ReadFile(path);
  if (!text.ok()) {
    return InvalidArgumentError(std::string(key) + text.status().message());
  }
  return text;
}

// Why OpenSSL failed, in its words.
std::string LastReason() {
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason == nullptr ? "unknown reason" : reason;
}

void Restrict(SSL_CTX* context, bool tls_1_3_only) {
  SSL_CTX_set_min_proto_version(context, tls_1_3_only ? TLS1_3_VERSION : TLS1_2_VERSION);
  CDC_CHECK(SSL_CTX_set_cipher_list(context, kCiphers) == 1);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Each connection proves anew who it is, so a renewed authority counts at once.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
}

Status UseCertificate(TlsContext* context, const std::string& path) {
  CDC_ASSIGN_OR_RETURN(const std::string text, ReadPem(kCertKey, path));
  boost::system::error_code error;
  context->use_certificate_chain(boost::asio::buffer(text), error);
  if (error) {
    ERR_clear_error();
    return Unusable(kCertKey, path,
                    "cannot be used: it must hold the certificate of the server as PEM, then its "
                    "chain (" +
                        error.message() + ")");
  }
  return OkStatus();
}

// Called for the password of an encrypted key. Without it OpenSSL would ask for one on the
// terminal, and wait.
int NoteThatItIsEncrypted(char*, int, int, void* encrypted) {
  *static_cast<bool*>(encrypted) = true;
  return -1;
}

Status UseKey(SSL_CTX* context, const HttpTlsOptions& options) {
  const std::string& path = options.key_path;
  CDC_ASSIGN_OR_RETURN(const std::string text, ReadPem(kKeyKey, path));
  const OpenSslBio bio = BioOf(text);
  bool encrypted = false;
  const OpenSslKey key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, NoteThatItIsEncrypted, &encrypted));
  if (key == nullptr) {
    const std::string reason = LastReason();
    return Unusable(kKeyKey, path,
                    encrypted ? "is encrypted, and nobody can type its password here: decrypt it "
                                "by `openssl pkey -in KEY -out PLAIN_KEY`, readable by the server "
                                "only"
                              : "cannot be used: it must hold the private key of the certificate "
                                "as PEM (" +
                                    reason + ")");
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    ERR_clear_error();
    return Unusable(kKeyKey, path,
                    "does not belong to the certificate in " + options.cert_path +
                        ": give the key and the certificate that were made together");
  }
  return OkStatus();
}

Status TrustClientsOf(SSL_CTX* context, const std::string& path) {
  CDC_ASSIGN_OR_RETURN(const std::string text, ReadPem(kClientCaKey, path));
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  const OpenSslBio bio = BioOf(text);
  int count = 0;
  for (;; ++count) {
    const OpenSslCertificate authority(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (authority == nullptr) {
      break;
    }
    CDC_CHECK(X509_STORE_add_cert(store, authority.get()) == 1);
    CDC_CHECK(SSL_CTX_add_client_CA(context, authority.get()) == 1);
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string reason = LastReason();
  if (count == 0 || !at_end) {
    return Unusable(kClientCaKey, path,
                    "cannot be used: it must hold the certificates of the authorities that sign "
                    "those of clients, as PEM (" +
                        reason + ")");
  }
  // An authority need not be signed by itself to be trusted: the operator named it.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  // A client may come without one: whether it needs one depends on what it asks for.
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  return OkStatus();
}

Result<std::shared_ptr<TlsContext>> MakeContext(const HttpTlsOptions& options) {
  auto context = std::make_shared<TlsContext>(TlsContext::tls_server);
  Restrict(context->native_handle(), options.tls_1_3_only);
  CDC_RETURN_IF_ERROR(UseCertificate(context.get(), options.cert_path));
  CDC_RETURN_IF_ERROR(UseKey(context->native_handle(), options));
  if (!options.client_ca_path.empty()) {
    CDC_RETURN_IF_ERROR(TrustClientsOf(context->native_handle(), options.client_ca_path));
  }
  return context;
}

void WarnIfExpired(TlsContext* context, const std::string& path) {
  const X509* const own = SSL_CTX_get0_certificate(context->native_handle());
  if (X509_cmp_current_time(X509_get0_notAfter(own)) < 0) {
    spdlog::warn("the certificate of the HTTP API has expired, clients refuse it, certPath={}",
                 path);
  }
}

}  // namespace

Status CheckTlsFiles(const HttpTlsOptions& options) {
  return options.cert_path.empty() ? OkStatus() : MakeContext(options).status();
}

Result<std::unique_ptr<TlsCertificates>> TlsCertificates::Load(HttpTlsOptions options) {
  // Not make_unique, which cannot reach the constructor.
  std::unique_ptr<TlsCertificates> made(new TlsCertificates(std::move(options)));
  TlsCertificates* const self = made.get();
  self->seen_ = self->Look();
  CDC_ASSIGN_OR_RETURN(std::shared_ptr<Context> context, MakeContext(self->options_));
  WarnIfExpired(context.get(), self->options_.cert_path);
  {
    MutexLock lock(self->mutex_);
    self->current_ = std::move(context);
  }
  self->thread_ = Thread("cdc-http-tls", [self](const std::stop_token& stop) {
    while (Pause(kLookInterval, stop)) {
      self->Renew();
    }
  });
  return made;
}

TlsCertificates::TlsCertificates(HttpTlsOptions options) : options_(std::move(options)) {}

TlsCertificates::~TlsCertificates() = default;

std::shared_ptr<TlsCertificates::Context> TlsCertificates::current() {
  MutexLock lock(mutex_);
  return current_;
}

void TlsCertificates::Renew() {
  // Before they are read: what changes meanwhile is noticed the next time.
  const Versions now = Look();
  if (now == seen_ && failure_.empty()) {
    return;
  }
  seen_ = now;
  Result<std::shared_ptr<Context>> context = MakeContext(options_);
  if (!context.ok()) {
    // It is tried again each second: what is wrong may not be in the files.
    if (failure_ != context.status().message()) {
      failure_ = context.status().message();
      spdlog::error(
          "the files of TLS have changed and cannot be used, those before stay in use: {}",
          failure_);
    }
    return;
  }
  failure_.clear();
  spdlog::info("the certificate of the HTTP API was read again, certPath={}", options_.cert_path);
  WarnIfExpired(context->get(), options_.cert_path);
  MutexLock lock(mutex_);
  current_ = *std::move(context);
}

TlsCertificates::Versions TlsCertificates::Look() const {
  Versions versions{};
  const std::string* const paths[] = {&options_.cert_path, &options_.key_path,
                                      &options_.client_ca_path};
  for (size_t i = 0; i < versions.size(); ++i) {
    struct stat file{};
    if (!paths[i]->empty() && stat(paths[i]->c_str(), &file) == 0) {
      versions[i] = {static_cast<int64_t>(file.st_ino),
                     file.st_size,
                     file.st_mtim.tv_sec,
                     file.st_mtim.tv_nsec,
                     file.st_ctim.tv_sec,
                     file.st_ctim.tv_nsec};
    }
  }
  return versions;
}

}  // namespace cdc
