#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/status.h"

namespace cdc {

enum class WireType { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

// Walks the fields of one serialized protobuf message, in the order in which they lie there:
//
//   WireReader reader(bytes, origin);
//   while (reader.Next()) { switch (reader.field()) … }
//   CDC_RETURN_IF_ERROR(reader.status());
//
// Never reads outside of `bytes`. Groups, which nobody writes any more, count as malformed.
class WireReader {
 public:
  // `origin` is where the record begins that `bytes` is a part of: offsets count from there.
  WireReader(std::string_view bytes, const char* origin)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()), start_(at_), origin_(origin) {}

  // Goes to the next field. False at the end, and where the bytes are malformed.
  bool Next() {
    start_ = at_;
    uint64_t tag = 0;
    if (at_ == end_ || !Varint(&tag)) {
      return false;
    }
    if (tag >> 3 == 0 || tag >> 3 > kMaxField) {
      return Fail("a field has an impossible number");
    }
    field_ = static_cast<int>(tag >> 3);
    type_ = static_cast<WireType>(tag & 7);
    switch (type_) {
      case WireType::kVarint: return Varint(&number_);
      case WireType::kFixed64: return Fixed(sizeof(uint64_t));
      case WireType::kFixed32: return Fixed(sizeof(uint32_t));
      case WireType::kBytes: return Bytes();
    }
    return Fail("a field has an unknown wire type");
  }

  int field() const { return field_; }
  WireType type() const { return type_; }
  // The value of a kVarint field.
  uint64_t number() const { return number_; }
  // The value of a kBytes field.
  std::string_view bytes() const { return bytes_; }

  // Where the current field begins in the record.
  size_t offset() const { return static_cast<size_t>(start_ - origin_); }

  // kDataLoss if the walk ended because the bytes are malformed.
  Status status() const { return error_ == nullptr ? OkStatus() : Error(error_); }

  // kDataLoss with the current offset.
  Status Error(std::string_view what) const {
    return DataLossError(std::string(what) + " at byte " + std::to_string(offset()));
  }

 private:
  static constexpr uint64_t kMaxField = (1U << 29) - 1;
  static constexpr int kMaxVarintBits = 70;

  bool Fail(const char* error) {
    error_ = error;
    return false;
  }

  bool Varint(uint64_t* value) {
    uint64_t result = 0;
    for (int shift = 0; shift < kMaxVarintBits; shift += 7) {
      if (at_ == end_) {
        return Fail("the record ends within a number");
      }
      const auto byte = static_cast<unsigned char>(*at_++);
      result |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) {
        *value = result;
        return true;
      }
    }
    return Fail("a number is longer than 10 bytes");
  }

  bool Fixed(size_t size) {
    if (static_cast<size_t>(end_ - at_) < size) {
      return Fail("the record ends within a number");
    }
    at_ += size;
    return true;
  }

  bool Bytes() {
    uint64_t size = 0;
    if (!Varint(&size)) {
      return false;
    }
    if (size > static_cast<uint64_t>(end_ - at_)) {
      return Fail("a field is longer than what holds it");
    }
    bytes_ = std::string_view(at_, size);
    at_ += size;
    return true;
  }

  const char* at_;
  const char* end_;
  const char* start_;
  const char* origin_;
  const char* error_ = nullptr;
  int field_ = 0;
  WireType type_ = WireType::kVarint;
  uint64_t number_ = 0;
  std::string_view bytes_;
};

// Reads the packed numbers of one kBytes field. Next returns false at the end; `malformed` tells
// whether the end is where a number is cut off.
class PackedReader {
 public:
  explicit PackedReader(std::string_view bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

  bool Next(uint64_t* value) {
    uint64_t result = 0;
    for (int shift = 0; shift < 70 && at_ != end_; shift += 7) {
      const auto byte = static_cast<unsigned char>(*at_++);
      result |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) {
        *value = result;
        within_ = false;
        return true;
      }
      within_ = true;
    }
    return false;
  }

  bool malformed() const { return within_; }

 private:
  const char* at_;
  const char* end_;
  bool within_ = false;
};

// Readers of a field with a type that is known; kDataLoss if it has another one.
Status ReadField(const WireReader& reader, const char* name, std::string_view* value);
Status ReadField(const WireReader& reader, const char* name, int64_t* value);
Status ReadField(const WireReader& reader, const char* name, uint64_t* value);
Status ReadField(const WireReader& reader, const char* name, bool* value);

}  // namespace cdc
