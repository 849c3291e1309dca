#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "wire/wire_type.h"

// Appends numbers, frames and fields of serialized protobuf messages to a string. The content of a
// frame can be written separately, so that its bytes need not be read or copied.
namespace cdc::wire {

constexpr uint32_t Tag(int field, WireType type) {
  return static_cast<uint32_t>(field) << 3 | static_cast<uint32_t>(type);
}

constexpr size_t VarintSize(uint64_t value) {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7) {
    ++size;
  }
  return size;
}

// The size of a length-delimited field with `size` bytes of content.
constexpr size_t BytesFieldSize(int field, size_t size) {
  return VarintSize(Tag(field, WireType::kBytes)) + VarintSize(size) + size;
}

constexpr size_t VarintFieldSize(int field, uint64_t value) {
  return VarintSize(Tag(field, WireType::kVarint)) + VarintSize(value);
}

inline void AppendVarint(uint64_t value, std::string* out) {
  for (; value >= 0x80; value >>= 7) {
    out->push_back(static_cast<char>(value | 0x80));
  }
  out->push_back(static_cast<char>(value));
}

inline void AppendVarintField(int field, uint64_t value, std::string* out) {
  AppendVarint(Tag(field, WireType::kVarint), out);
  AppendVarint(value, out);
}

// Appends only the frame; `size` bytes of content must follow.
inline void AppendBytesHeader(int field, size_t size, std::string* out) {
  AppendVarint(Tag(field, WireType::kBytes), out);
  AppendVarint(size, out);
}

inline void AppendBytesField(int field, std::string_view bytes, std::string* out) {
  AppendBytesHeader(field, bytes.size(), out);
  out->append(bytes);
}

}  // namespace cdc::wire
