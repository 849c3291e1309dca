#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace cdc {

// The keys of a file, each a line: 32 random bytes in base64. The first one encrypts; all of them
// decrypt, so that a new key is put before an old one. Lines that are empty or begin with # do not
// count.
//
// What is encrypted is a text of printable ASCII: "sealed:1:<key>:<nonce, ciphertext and tag in
// base64>", where <key> is made of the key's hash and says which one is needed. AES-256-GCM, with a
// random nonce each time.
class SecretKeys {
 public:
  // No keys: nothing is encrypted, and nothing that is can be read.
  SecretKeys() = default;

  // kInvalidArgument: the file cannot be read, has no key or a line that is none, or others have
  // access to it: nobody but its owner may, except that its group may read it if the file is
  // somebody else's, as Kubernetes mounts secrets. The message names the cure, and quotes nothing
  // of the file.
  static Result<SecretKeys> Read(const std::string& path);

  // The text encrypted; as it is if there are no keys or it is empty. `context` is where it is
  // kept: only there can it be decrypted. kInvalidArgument: without keys, a text that looks
  // encrypted.
  Result<std::string> Seal(std::string_view text, std::string_view context) const;

  // The opposite; a text that is not encrypted is returned as it is. kFailedPrecondition: its key
  // is missing. kDataLoss: it has been changed, or belongs elsewhere.
  Result<std::string> Unseal(std::string_view text, std::string_view context) const;

  // Whether the text is as Seal would have it: encrypted with the first key, or nothing to encrypt.
  bool IsNewest(std::string_view text) const;

 private:
  struct Key {
    std::string id;
    std::string bytes;
  };
  std::vector<Key> keys_;
};

}  // namespace cdc
