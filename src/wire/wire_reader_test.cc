#include "wire/wire_reader.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "wire/varint.h"
#include "wire/wire_writer.h"

namespace cdc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

// `count` bytes that all have the continuation bit, then `last`.
std::string Long(size_t count, char last) { return std::string(count, '\x80') + last; }

// The number at the front and its size in bytes; nullopt if it is malformed.
std::optional<std::pair<uint64_t, size_t>> Front(std::string_view bytes) {
  uint64_t value = 0;
  const char* const behind = wire::ReadVarint(bytes.data(), bytes.data() + bytes.size(), &value);
  if (behind == nullptr) {
    return std::nullopt;
  }
  return std::pair(value, static_cast<size_t>(behind - bytes.data()));
}

TEST(VarintTest, EveryNumberIsReadAsItWasWritten) {
  for (unsigned bit = 0; bit <= 64; ++bit) {
    const uint64_t power = bit == 64 ? 0 : uint64_t{1} << bit;
    for (const uint64_t number : {power - 1, power, power + 1}) {
      std::string bytes;
      wire::AppendVarint(number, &bytes);
      EXPECT_EQ(bytes.size(), wire::VarintSize(number));
      EXPECT_EQ(Front(bytes + "more"), std::pair(number, bytes.size()));
      EXPECT_EQ(Front(bytes.substr(0, bytes.size() - 1)), std::nullopt) << number;
    }
  }
}

TEST(VarintTest, EndsWithinTenBytes) {
  EXPECT_EQ(Front({}), std::nullopt);
  EXPECT_EQ(Front(std::string_view()), std::nullopt);
  EXPECT_EQ(Front(Long(9, '\0')), std::pair(uint64_t{0}, size_t{10}));
  EXPECT_EQ(Front(Long(9, '\1')), std::pair(uint64_t{1} << 63, size_t{10}));
  EXPECT_EQ(Front(Long(10, '\0')), std::nullopt);
  EXPECT_EQ(Front(Long(10, '\1')), std::nullopt);
  EXPECT_EQ(Front(Long(100, '\0')), std::nullopt);
}

TEST(VarintTest, BitsAboveTheSixtyFourthAreDropped) {
  EXPECT_EQ(Front(std::string(9, '\xff') + '\x01'), std::pair(kMax, size_t{10}));
  EXPECT_EQ(Front(std::string(9, '\xff') + '\x7f'), std::pair(kMax, size_t{10}));
  EXPECT_EQ(Front(Long(9, '\x7e')), std::pair(uint64_t{0}, size_t{10}));
}

TEST(WireReaderTest, WalksOverFieldsOfEveryType) {
  std::string bytes;
  wire::AppendVarintField(1, kMax, &bytes);
  bytes +=
      "\x11"
      "12345678"
      "\x1d"
      "1234";
  wire::AppendBytesField(4, "text", &bytes);
  wire::AppendBytesField((1 << 29) - 1, "", &bytes);
  WireReader reader(bytes);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.field(), 1);
  EXPECT_EQ(reader.type(), WireType::kVarint);
  EXPECT_EQ(reader.number(), kMax);
  EXPECT_EQ(reader.bytes(), std::string(9, '\xff') + '\x01');
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.field(), 2);
  EXPECT_EQ(reader.type(), WireType::kFixed64);
  EXPECT_EQ(reader.bytes(), "12345678");
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.field(), 3);
  EXPECT_EQ(reader.type(), WireType::kFixed32);
  EXPECT_EQ(reader.bytes(), "1234");
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.field(), 4);
  EXPECT_EQ(reader.type(), WireType::kBytes);
  EXPECT_EQ(reader.bytes(), "text");
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.field(), (1 << 29) - 1);
  EXPECT_EQ(reader.bytes(), "");
  EXPECT_FALSE(reader.Next());
  EXPECT_TRUE(reader.status().ok());
}

TEST(WireReaderTest, NothingIsAMessageWithoutFields) {
  for (const std::string_view nothing : {std::string_view(), std::string_view("")}) {
    WireReader reader(nothing);
    EXPECT_FALSE(reader.Next());
    EXPECT_TRUE(reader.status().ok());
    EXPECT_EQ(reader.bytes(), "");
  }
}

// After a good field of two bytes, inside a record.
Status Walk(const std::string& bytes) {
  const std::string record = "head\x08\x01" + bytes;
  WireReader reader(std::string_view(record).substr(4), record.data());
  EXPECT_TRUE(reader.Next());
  EXPECT_FALSE(reader.Next());
  return reader.status();
}

TEST(WireReaderTest, SaysWhatIsMalformedAndWhere) {
  const std::string cut_off = "DATA_LOSS: the record ends within a number at byte 6";
  EXPECT_EQ(Walk("\x08").ToString(), cut_off);
  EXPECT_EQ(Walk("\x08\x80").ToString(), cut_off);
  EXPECT_EQ(Walk("\x88").ToString(), cut_off);
  EXPECT_EQ(Walk("\x08" + std::string(9, '\x80')).ToString(), cut_off);
  EXPECT_EQ(Walk("\x0a").ToString(), cut_off);
  EXPECT_EQ(Walk("\x0a\x80").ToString(), cut_off);
  EXPECT_EQ(Walk("\x09"
                 "1234567")
                .ToString(),
            cut_off);
  EXPECT_EQ(Walk("\x0d"
                 "123")
                .ToString(),
            cut_off);
  const std::string too_long = "DATA_LOSS: a number is longer than 10 bytes at byte 6";
  EXPECT_EQ(Walk(Long(10, '\1')).ToString(), too_long);
  EXPECT_EQ(Walk("\x08" + Long(10, '\1')).ToString(), too_long);
  EXPECT_EQ(Walk("\x0a" + std::string(10, '\xff')).ToString(), too_long);
  const std::string no_such_field = "DATA_LOSS: a field has an impossible number at byte 6";
  EXPECT_EQ(Walk(std::string("\0\0", 2)).ToString(), no_such_field);
  EXPECT_EQ(Walk("\x80\x80\x80\x80\x10\x01").ToString(), no_such_field);
  EXPECT_EQ(Walk(std::string(9, '\xff') + "\x01\x01").ToString(), no_such_field);
  for (const char* tag : {"\x0b", "\x0c", "\x0e", "\x0f"}) {
    EXPECT_EQ(Walk(tag).ToString(), "DATA_LOSS: a field has an unknown wire type at byte 6");
  }
}

TEST(WireReaderTest, LengthsStayWithinTheMessage) {
  const std::string too_long = "DATA_LOSS: a field is longer than what holds it at byte 6";
  EXPECT_EQ(Walk("\x0a\x01").ToString(), too_long);
  EXPECT_EQ(Walk("\x0a\x05"
                 "four")
                .ToString(),
            too_long);
  for (const uint64_t size : {kMax, kMax - 1, kMax - 8, kMax / 2, kMax / 2 + 1}) {
    std::string bytes = "\x0a";
    wire::AppendVarint(size, &bytes);
    EXPECT_EQ(Walk(bytes + "content").ToString(), too_long) << size;
  }
}

TEST(WireReaderTest, AFieldOfAnotherTypeIsAnError) {
  std::string bytes;
  wire::AppendVarintField(1, 7, &bytes);
  wire::AppendBytesField(2, "text", &bytes);
  WireReader reader(bytes);
  std::string_view text;
  int64_t number = 0;
  bool flag = false;
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(ReadField(reader, "name", &text).ToString(),
            "DATA_LOSS: name has a wrong wire type at byte 0");
  EXPECT_TRUE(ReadField(reader, "name", &number).ok());
  EXPECT_EQ(number, 7);
  EXPECT_TRUE(ReadField(reader, "name", &flag).ok());
  EXPECT_TRUE(flag);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(ReadField(reader, "name", &number).ToString(),
            "DATA_LOSS: name has a wrong wire type at byte 2");
  EXPECT_TRUE(ReadField(reader, "name", &text).ok());
  EXPECT_EQ(text, "text");
}

struct Packed {
  std::vector<uint64_t> numbers;
  bool malformed = false;
};

Packed ReadPacked(std::string_view bytes) {
  Packed result;
  PackedReader reader(bytes);
  for (uint64_t number = 0; reader.Next(&number);) {
    result.numbers.push_back(number);
  }
  result.malformed = reader.malformed();
  return result;
}

TEST(PackedReaderTest, ReadsAllNumbers) {
  std::string bytes;
  for (const uint64_t number : {uint64_t{0}, uint64_t{300}, kMax}) {
    wire::AppendVarint(number, &bytes);
  }
  EXPECT_THAT(ReadPacked(bytes).numbers, ElementsAre(0, 300, kMax));
  EXPECT_FALSE(ReadPacked(bytes).malformed);
  EXPECT_THAT(ReadPacked({}).numbers, IsEmpty());
  EXPECT_FALSE(ReadPacked({}).malformed);
}

TEST(PackedReaderTest, StopsAtAMalformedNumber) {
  for (const std::string& bad : {std::string("\x80"), Long(9, '\x80'), Long(10, '\1')}) {
    const Packed packed = ReadPacked("\x05" + bad);
    EXPECT_THAT(packed.numbers, ElementsAre(5));
    EXPECT_TRUE(packed.malformed);
  }
}

}  // namespace
}  // namespace cdc
