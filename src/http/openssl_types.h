#pragma once

#include <memory>
#include <string>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

namespace cdc {

// Frees what OpenSSL has made.
template <auto kFree>
struct OpenSslFree {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};

using OpenSslBio = std::unique_ptr<BIO, OpenSslFree<BIO_free_all>>;
using OpenSslKey = std::unique_ptr<EVP_PKEY, OpenSslFree<EVP_PKEY_free>>;
using OpenSslCertificate = std::unique_ptr<X509, OpenSslFree<X509_free>>;

// Reads from `text`, which must outlive it.
inline OpenSslBio BioOf(const std::string& text) {
  return OpenSslBio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

}  // namespace cdc
