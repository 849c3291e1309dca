#include "model/message.h"

#include <cstring>
#include <functional>

namespace cdc {
namespace {

// Reads protobuf's base-128 numbers and byte strings. Returns false for malformed bytes.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

  bool done() const { return at_ == end_; }

  bool Varint(uint64_t* value) {
    uint64_t result = 0;
    // At most ten bytes, with shifts of 0 to 63.
    for (int shift = 0; shift < 70; shift += 7) {
      if (at_ == end_) {
        return false;
      }
      const auto byte = static_cast<unsigned char>(*at_++);
      result |= static_cast<uint64_t>(byte & 0x7f) << (shift & 63);
      if (byte < 0x80) {
        *value = result;
        return true;
      }
    }
    return false;
  }

  bool Bytes(std::string_view* value) {
    uint64_t size = 0;
    if (!Varint(&size) || size > static_cast<uint64_t>(end_ - at_)) {
      return false;
    }
    *value = std::string_view(at_, size);
    at_ += size;
    return true;
  }

 private:
  const char* at_;
  const char* end_;
};

// Field 1 of LongArray (packed or not) and of StringArray.
constexpr uint64_t kVarintTag = 1 << 3 | 0;
constexpr uint64_t kBytesTag = 1 << 3 | 2;

bool AppendInts(std::string_view packed, std::vector<uint64_t>* out) {
  Cursor cursor(packed);
  while (!cursor.done()) {
    uint64_t value = 0;
    if (!cursor.Varint(&value)) {
      return false;
    }
    out->push_back(value);
  }
  return true;
}

}  // namespace

bool AppendKeyHashes(const KeyColumn& keys, std::vector<uint64_t>* out) {
  Cursor cursor(keys.body);
  while (!cursor.done()) {
    uint64_t tag = 0;
    if (!cursor.Varint(&tag)) {
      return false;
    }
    if (tag == kBytesTag) {
      std::string_view bytes;
      if (!cursor.Bytes(&bytes)) {
        return false;
      }
      if (keys.is_string) {
        out->push_back(std::hash<std::string_view>{}(bytes));
      } else if (!AppendInts(bytes, out)) {
        return false;
      }
    } else if (tag == kVarintTag && !keys.is_string) {
      uint64_t value = 0;
      if (!cursor.Varint(&value)) {
        return false;
      }
      out->push_back(value);
    } else {
      return false;
    }
  }
  return true;
}

bool AppendStringKeys(const KeyColumn& keys, std::vector<std::string_view>* out) {
  Cursor cursor(keys.body);
  while (!cursor.done()) {
    uint64_t tag = 0;
    std::string_view bytes;
    if (!keys.is_string || !cursor.Varint(&tag) || tag != kBytesTag || !cursor.Bytes(&bytes)) {
      return false;
    }
    out->push_back(bytes);
  }
  return true;
}

}  // namespace cdc
