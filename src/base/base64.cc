#include "base/base64.h"

#include <openssl/evp.h>

namespace cdc {
namespace {

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

char* WriteBase64(std::string_view bytes, char* at) {
  // OpenSSL puts a zero behind the text.
  return at + EVP_EncodeBlock(reinterpret_cast<unsigned char*>(at), Bytes(bytes),
                              static_cast<int>(bytes.size()));
}

std::string EncodeBase64(std::string_view bytes) {
  std::string text(Base64Size(bytes.size()) + 1, '\0');
  text.resize(static_cast<size_t>(WriteBase64(bytes, text.data()) - text.data()));
  return text;
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  // OpenSSL would ignore blanks around the text, and take padding for bytes.
  const size_t padding = text.find('=');
  if (text.find_first_of(" \t\r\n") != std::string_view::npos ||
      (padding != std::string_view::npos && padding + 2 < text.size())) {
    return std::nullopt;
  }
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), Bytes(text),
                                   static_cast<int>(text.size()));
  if (size < 0 || static_cast<size_t>(size) != bytes.size()) {
    return std::nullopt;
  }
  if (padding != std::string_view::npos) {
    bytes.resize(bytes.size() - (text.size() - padding));
  }
  return bytes;
}

}  // namespace cdc
