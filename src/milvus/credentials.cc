#include "milvus/credentials.h"

#include <string>
#include <utility>

#include "base/file.h"

namespace cdc {

Result<MilvusChannel::Credentials> ReadCredentials(const std::string& token,
                                                   const TlsOptions& tls) {
  MilvusChannel::Credentials credentials{.token = token, .server_name = tls.server_name};
  for (const auto& [path, pem] : {std::pair(&tls.authority_path, &credentials.authority_pem),
                                  std::pair(&tls.certificate_path, &credentials.certificate_pem),
                                  std::pair(&tls.key_path, &credentials.key_pem)}) {
    if (!path->empty()) {
      CDC_ASSIGN_OR_RETURN(*pem, ReadFile(*path));
      if (pem->find("-----BEGIN") == std::string::npos) {
        return InvalidArgumentError("not a PEM file (no -----BEGIN): " + *path);
      }
    }
  }
  return credentials;
}

}  // namespace cdc
