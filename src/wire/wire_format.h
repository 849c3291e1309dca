#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// The little of protobuf's wire format that splicing needs: bytes pass through, only the frames
// around them are read and written.
namespace cdc::wire {

enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

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
  return VarintSize(Tag(field, kBytes)) + VarintSize(size) + size;
}

constexpr size_t VarintFieldSize(int field, uint64_t value) {
  return VarintSize(Tag(field, kVarint)) + VarintSize(value);
}

inline void AppendVarint(uint64_t value, std::string* out) {
  for (; value >= 0x80; value >>= 7) {
    out->push_back(static_cast<char>(value | 0x80));
  }
  out->push_back(static_cast<char>(value));
}

inline void AppendVarintField(int field, uint64_t value, std::string* out) {
  AppendVarint(Tag(field, kVarint), out);
  AppendVarint(value, out);
}

// Only the frame; `size` bytes of content must follow.
inline void AppendBytesHeader(int field, size_t size, std::string* out) {
  AppendVarint(Tag(field, kBytes), out);
  AppendVarint(size, out);
}

inline void AppendBytesField(int field, std::string_view bytes, std::string* out) {
  AppendBytesHeader(field, bytes.size(), out);
  out->append(bytes);
}

// Reads from the front. Every call returns false at bytes that are cut off or malformed.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  bool done() const { return bytes_.empty(); }

  bool Varint(uint64_t* value) {
    uint64_t result = 0;
    for (unsigned shift = 0; shift < 64 && !bytes_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      result |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) {
        *value = result;
        return true;
      }
    }
    return false;
  }

  bool Take(size_t size, std::string_view* bytes) {
    if (size > bytes_.size()) {
      return false;
    }
    *bytes = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return true;
  }

  bool Bytes(std::string_view* bytes) {
    uint64_t size = 0;
    return Varint(&size) && size <= bytes_.size() && Take(size, bytes);
  }

  // One field: its tag, and its content (a varint's bytes, 4 or 8 fixed bytes, or the delimited
  // bytes without their length).
  bool Field(uint32_t* tag, std::string_view* content) {
    uint64_t value = 0;
    if (!Varint(&value) || value > UINT32_MAX) {
      return false;
    }
    *tag = static_cast<uint32_t>(value);
    switch (*tag & 7) {
      case kVarint: {
        const std::string_view before = bytes_;
        if (!Varint(&value)) {
          return false;
        }
        *content = before.substr(0, before.size() - bytes_.size());
        return true;
      }
      case kFixed64: return Take(8, content);
      case kBytes: return Bytes(content);
      case kFixed32: return Take(4, content);
      default: return false;
    }
  }

 private:
  std::string_view bytes_;
};

}  // namespace cdc::wire
