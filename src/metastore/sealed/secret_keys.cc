#include "metastore/sealed/secret_keys.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <sstream>

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/file.h"

namespace cdc {
namespace {

constexpr std::string_view kMark = "sealed:1:";
constexpr size_t kKeyBytes = 32;
constexpr size_t kKeyIdBytes = 6;
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;
constexpr const char* kMakeOne = "`openssl rand -base64 32` makes one";

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

Cipher NewCipher() { return {EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free}; }

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* Bytes(std::string* text) { return reinterpret_cast<unsigned char*>(text->data()); }

bool HasMark(std::string_view text) { return text.substr(0, kMark.size()) == kMark; }

std::string IdOf(const std::string& key) {
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(Bytes(key), key.size(), Bytes(&hash));
  return EncodeBase64(std::string_view(hash).substr(0, kKeyIdBytes));
}

// nonce, ciphertext, tag. Fails only if OpenSSL does, for want of memory or of random bytes.
std::optional<std::string> Encrypt(const std::string& key,
                                   std::string_view text,
                                   std::string_view context) {
  std::string sealed(kNonceBytes + text.size() + kTagBytes, '\0');
  unsigned char* const nonce = Bytes(&sealed);
  const Cipher cipher = NewCipher();
  int size = 0;
  const bool done =
      cipher != nullptr && RAND_bytes(nonce, kNonceBytes) == 1 &&
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, Bytes(key), nonce) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nullptr, &size, Bytes(context),
                        static_cast<int>(context.size())) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nonce + kNonceBytes, &size, Bytes(text),
                        static_cast<int>(text.size())) == 1 &&
      EVP_EncryptFinal_ex(cipher.get(), nonce + kNonceBytes + text.size(), &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes,
                          nonce + kNonceBytes + text.size()) == 1;
  return done ? std::optional(std::move(sealed)) : std::nullopt;
}

// nullopt: not encrypted with this key in this context, or changed.
std::optional<std::string> Decrypt(const std::string& key,
                                   std::string sealed,
                                   std::string_view context) {
  if (sealed.size() < kNonceBytes + kTagBytes) {
    return std::nullopt;
  }
  const size_t length = sealed.size() - kNonceBytes - kTagBytes;
  std::string text(length, '\0');
  unsigned char* const nonce = Bytes(&sealed);
  const Cipher cipher = NewCipher();
  int size = 0;
  const bool done =
      cipher != nullptr &&
      EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, Bytes(key), nonce) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &size, Bytes(context),
                        static_cast<int>(context.size())) == 1 &&
      EVP_DecryptUpdate(cipher.get(), Bytes(&text), &size, nonce + kNonceBytes,
                        static_cast<int>(length)) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes,
                          nonce + kNonceBytes + length) == 1 &&
      // Compares the tag: what came before it counts for nothing until then.
      EVP_DecryptFinal_ex(cipher.get(), Bytes(&text) + length, &size) == 1;
  return done ? std::optional(std::move(text)) : std::nullopt;
}

Status CheckPrivate(int file, const std::string& path) {
  struct stat found{};
  if (fstat(file, &found) != 0 || !S_ISREG(found.st_mode)) {
    return InvalidArgumentError("the key file " + path + " is no file");
  }
  const bool is_ours = found.st_uid == geteuid();
  const mode_t forbidden = S_IRWXO | (is_ours ? S_IRWXG : S_IWGRP | S_IXGRP);
  if ((found.st_mode & forbidden) != 0) {
    return InvalidArgumentError("others than its owner have access to the key file " + path +
                                ": chmod 600 " + path);
  }
  return OkStatus();
}

// What is looked at is what is read, even if somebody replaces the file in between.
Result<std::string> ReadPrivateFile(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    return InvalidArgumentError("cannot read the key file " + path + ": " + std::strerror(errno));
  }
  const Status is_private = CheckPrivate(file, path);
  Result<std::string> text =
      is_private.ok() ? ReadFile("/proc/self/fd/" + std::to_string(file)) : is_private;
  close(file);
  return text;
}

}  // namespace

Result<SecretKeys> SecretKeys::Read(const std::string& path) {
  CDC_ASSIGN_OR_RETURN(const std::string text, ReadPrivateFile(path));
  SecretKeys keys;
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    line.erase(std::find_if(line.rbegin(), line.rend(),
                            [](char c) { return c != ' ' && c != '\r' && c != '\t'; })
                   .base(),
               line.end());
    if (line.empty() || line[0] == '#') {
      continue;
    }
    std::optional<std::string> bytes = DecodeBase64(line);
    if (!bytes || bytes->size() != kKeyBytes) {
      return InvalidArgumentError("key file " + path + ": line " + std::to_string(number) +
                                  " is not 32 bytes in base64; " + kMakeOne);
    }
    std::string id = IdOf(*bytes);
    keys.keys_.push_back({.id = std::move(id), .bytes = *std::move(bytes)});
  }
  if (keys.keys_.empty()) {
    return InvalidArgumentError("key file " + path + " has no key; " + kMakeOne);
  }
  return keys;
}

Result<std::string> SecretKeys::Seal(std::string_view text, std::string_view context) const {
  if (keys_.empty() && HasMark(text)) {
    return InvalidArgumentError("a password or token that begins with " + std::string(kMark) +
                                " can be stored only encrypted: set metaStoreConfig.keyFile");
  }
  if (keys_.empty() || text.empty()) {
    return std::string(text);
  }
  const std::optional<std::string> sealed = Encrypt(keys_[0].bytes, text, context);
  if (!sealed) {
    return InternalError("OpenSSL cannot encrypt");
  }
  return std::string(kMark) + keys_[0].id + ":" + EncodeBase64(*sealed);
}

Result<std::string> SecretKeys::Unseal(std::string_view text, std::string_view context) const {
  if (!HasMark(text)) {
    return std::string(text);
  }
  const std::string_view rest = text.substr(kMark.size());
  const size_t colon = std::min(rest.find(':'), rest.size());
  const std::string id(rest.substr(0, colon));
  const auto key =
      std::find_if(keys_.begin(), keys_.end(), [&id](const Key& each) { return each.id == id; });
  if (key == keys_.end()) {
    return FailedPreconditionError(
        keys_.empty()
            ? "it is encrypted: set metaStoreConfig.keyFile to the file with its key, " + id
            : "it is encrypted with a key that metaStoreConfig.keyFile does not hold: add "
              "it as another line, key " +
                  id);
  }
  std::optional<std::string> sealed = DecodeBase64(rest.substr(std::min(colon + 1, rest.size())));
  std::optional<std::string> plain =
      sealed ? Decrypt(key->bytes, *std::move(sealed), context) : std::nullopt;
  if (!plain) {
    return DataLossError("what is encrypted there has been changed or belongs to another task");
  }
  return *std::move(plain);
}

bool SecretKeys::IsNewest(std::string_view text) const {
  return text.empty() || keys_.empty() || text.starts_with(std::string(kMark) + keys_[0].id + ":");
}

}  // namespace cdc
