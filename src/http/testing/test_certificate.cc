#include "http/testing/test_certificate.h"

#include <memory>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/status.h"
#include "http/openssl_types.h"

namespace cdc {
namespace {

using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;

constexpr long kDay = 24L * 60 * 60;

template <class Writer>
std::string Written(Writer write) {
  const OpenSslBio memory(BIO_new(BIO_s_mem()));
  CDC_CHECK(write(memory.get()) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return {data, static_cast<size_t>(size)};
}

std::string PemOf(const OpenSslKey& key, const std::string& password) {
  return Written([&](BIO* out) {
    return PEM_write_bio_PKCS8PrivateKey(
        out, key.get(), password.empty() ? nullptr : EVP_aes_256_cbc(), password.data(),
        static_cast<int>(password.size()), nullptr, nullptr);
  });
}

void Extend(X509* certificate, int kind, const char* value) {
  const Extension extension(X509V3_EXT_conf_nid(nullptr, nullptr, kind, value));
  CDC_CHECK(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1);
}

}  // namespace

TestCertificate MakeTestCertificate(const std::string& name, const TestCertificate* authority) {
  const OpenSslKey key(EVP_EC_gen("P-256"));
  const OpenSslCertificate made(X509_new());
  X509_set_version(made.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), authority == nullptr ? 1 : 2);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -kDay);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), kDay);
  X509_set_pubkey(made.get(), key.get());
  X509_NAME* const subject = X509_get_subject_name(made.get());
  const auto* const text = reinterpret_cast<const unsigned char*>(name.c_str());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, text, -1, -1, 0);
  Extend(made.get(), NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
  Extend(made.get(), NID_basic_constraints, authority == nullptr ? "critical,CA:TRUE" : "CA:FALSE");
  if (authority == nullptr) {
    X509_set_issuer_name(made.get(), subject);
    CDC_CHECK(X509_sign(made.get(), key.get(), EVP_sha256()) > 0);
  } else {
    const OpenSslBio certificate_text = BioOf(authority->certificate);
    const OpenSslBio key_text = BioOf(authority->key);
    const OpenSslCertificate issuer(
        PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr));
    const OpenSslKey signer(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr));
    X509_set_issuer_name(made.get(), X509_get_subject_name(issuer.get()));
    CDC_CHECK(X509_sign(made.get(), signer.get(), EVP_sha256()) > 0);
  }
  return {.certificate = Written([&](BIO* out) { return PEM_write_bio_X509(out, made.get()); }),
          .key = PemOf(key, "")};
}

std::string MakeTestKey(const std::string& password) {
  return PemOf(OpenSslKey(EVP_RSA_gen(2048)), password);
}

}  // namespace cdc
