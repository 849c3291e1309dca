#include "source/query/key_hash.h"

#include <array>
#include <bit>
#include <cstddef>

namespace cdc {
namespace {

constexpr size_t kHashedBytes = 100;

constexpr std::array<uint32_t, 256> CrcTable() {
  constexpr uint32_t kPolynomial = 0xEDB88320;
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < table.size(); ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 1) != 0 ? crc >> 1 ^ kPolynomial : crc >> 1;
    }
    table[i] = crc;
  }
  return table;
}

}  // namespace

uint32_t HashKey(int64_t key) {
  uint32_t hash = 0;
  const auto bits = static_cast<uint64_t>(key);
  for (const uint64_t half : {bits & 0xFFFFFFFF, bits >> 32}) {
    uint32_t block = static_cast<uint32_t>(half) * 0xCC9E2D51U;
    block = std::rotl(block, 15) * 0x1B873593U;
    hash = std::rotl(hash ^ block, 13) * 5 + 0xE6546B64U;
  }
  hash ^= static_cast<uint32_t>(sizeof(key));
  hash = (hash ^ hash >> 16) * 0x85EBCA6BU;
  hash = (hash ^ hash >> 13) * 0xC2B2AE35U;
  return (hash ^ hash >> 16) & 0x7FFFFFFF;
}

uint32_t HashKey(std::string_view key) {
  static constexpr std::array<uint32_t, 256> kTable = CrcTable();
  uint32_t crc = 0xFFFFFFFF;
  for (const char c : key.substr(0, kHashedBytes)) {
    crc = kTable[(crc ^ static_cast<unsigned char>(c)) & 0xFF] ^ crc >> 8;
  }
  return ~crc;
}

}  // namespace cdc
