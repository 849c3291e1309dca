#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "wire/varint.h"
#include "wire/wire_type.h"

namespace cdc {

// Iterates over the fields of a serialized protobuf message, in the order of the bytes:
//
//   WireReader reader(bytes, origin);
//   while (reader.Next()) { switch (reader.field()) … }
//   CDC_RETURN_IF_ERROR(reader.status());
//
// Never reads outside of `bytes`. Groups, which are obsolete, count as malformed. It has a method
// for each form of a value.
class WireReader {
 public:
  // `origin` is the beginning of the record that contains `bytes`; offsets count from there.
  WireReader(std::string_view bytes, const char* origin)
      : at_(bytes.data()), end_(at_ + bytes.size()), start_(at_), content_(at_), origin_(origin) {}
  explicit WireReader(std::string_view bytes) : WireReader(bytes, bytes.data()) {}

  // Goes to the next field. Returns false at the end, or if the bytes are malformed.
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
    content_ = at_;
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
  // The value of a kBytes field, without its length; for any other type, the bytes of its number.
  std::string_view bytes() const { return {content_, static_cast<size_t>(at_ - content_)}; }

  // The offset of the current field in the record.
  size_t offset() const { return static_cast<size_t>(start_ - origin_); }

  // kDataLoss: Next returned false because the bytes are malformed.
  Status status() const { return error_ == nullptr ? OkStatus() : Error(error_); }

  // Returns kDataLoss with the current offset.
  Status Error(std::string_view what) const {
    return DataLossError(std::string(what) + " at byte " + std::to_string(offset()));
  }

 private:
  static constexpr uint64_t kMaxField = (1U << 29) - 1;

  bool Fail(const char* error) {
    error_ = error;
    return false;
  }

  bool Varint(uint64_t* value) {
    const char* behind = wire::ReadVarint(at_, end_, value);
    if (behind == nullptr) {
      return Fail(static_cast<size_t>(end_ - at_) < wire::kMaxVarintBytes
                      ? "the record ends within a number"
                      : "a number is longer than 10 bytes");
    }
    at_ = behind;
    return true;
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
    content_ = at_;
    at_ += size;
    return true;
  }

  const char* at_;
  const char* end_;
  const char* start_;
  const char* content_;
  const char* origin_;
  const char* error_ = nullptr;
  int field_ = 0;
  WireType type_ = WireType::kVarint;
  uint64_t number_ = 0;
};

// Reads the packed numbers of a kBytes field. Next returns false at the end, or at a number that is
// cut off or longer than 10 bytes.
class PackedReader {
 public:
  explicit PackedReader(std::string_view bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

  bool Next(uint64_t* value) {
    const char* behind = wire::ReadVarint(at_, end_, value);
    if (behind == nullptr) {
      return false;
    }
    at_ = behind;
    return true;
  }

  // Call it after Next has returned false.
  bool malformed() const { return at_ != end_; }

 private:
  const char* at_;
  const char* end_;
};

// Read a field whose type is known; kDataLoss if it has another one.
Status ReadField(const WireReader& reader, const char* name, std::string_view* value);
Status ReadField(const WireReader& reader, const char* name, int64_t* value);
Status ReadField(const WireReader& reader, const char* name, uint64_t* value);
Status ReadField(const WireReader& reader, const char* name, bool* value);

}  // namespace cdc
