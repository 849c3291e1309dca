#pragma once

#include <memory>
#include <string>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/freed.h"

namespace cdc {

using OpenSslBio = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using OpenSslKey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using OpenSslCertificate = std::unique_ptr<X509, Freed<X509_free>>;

// Reads from `text`, which must outlive it.
inline OpenSslBio BioOf(const std::string& text) {
  return OpenSslBio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

}  // namespace cdc
