#include "sink/credentials.h"

#include <string>
#include <utility>

#include "base/file.h"

namespace cdc {

Result<MilvusChannel::Credentials> ReadCredentials(const TargetOptions& options) {
  MilvusChannel::Credentials credentials{.token = options.token,
                                         .server_name = options.tls.server_name};
  for (const auto& [path, pem] :
       {std::pair(&options.tls.authority_path, &credentials.authority_pem),
        std::pair(&options.tls.certificate_path, &credentials.certificate_pem),
        std::pair(&options.tls.key_path, &credentials.key_pem)}) {
    if (!path->empty()) {
      CDC_ASSIGN_OR_RETURN(*pem, ReadFile(*path));
      if (pem->find("-----BEGIN") == std::string::npos) {
        return InvalidArgumentError("no PEM in the file " + *path);
      }
    }
  }
  return credentials;
}

}  // namespace cdc
