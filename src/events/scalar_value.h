#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "events/json_buffer.h"
#include "model/schema.h"

namespace cdc {

// Members of the oneofs of ScalarField and, up to kBytesData, of ValueField.
inline constexpr int kBoolData = 1;
inline constexpr int kIntData = 2;
inline constexpr int kLongData = 3;
inline constexpr int kFloatData = 4;
inline constexpr int kDoubleData = 5;
inline constexpr int kStringData = 6;
inline constexpr int kBytesData = 7;
inline constexpr int kArrayOfData = 8;
inline constexpr int kJsonData = 9;
inline constexpr int kWkbData = 10;
inline constexpr int kTimestamptzData = 11;
inline constexpr int kWktData = 12;

// Reads a number from the beginning of `bytes`.
template <class Number>
Number Load(std::string_view bytes) {
  Number number{};
  std::memcpy(&number, bytes.data(), sizeof(number));
  return number;
}

// Appends what the source stores as a varint: a Bool, an integer, a Timestamptz.
//
// As the source has it: an older one takes any number for a small integer and keeps its low bits.
void AppendInteger(DataType type, uint64_t number, JsonBuffer* out);

}  // namespace cdc
