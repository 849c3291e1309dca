#include "events/json_buffer.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace cdc {
namespace {

std::string InJson(std::string_view text) {
  JsonBuffer out;
  out.AppendString(text);
  return std::string(out.text());
}

std::string InJson(float value) {
  JsonBuffer out;
  out.AppendFloat(value);
  return std::string(out.text());
}

std::string InJson(double value) {
  JsonBuffer out;
  out.AppendDouble(value);
  return std::string(out.text());
}

TEST(JsonBuffer, EscapesWhatJsonDemands) {
  EXPECT_EQ(InJson(""), R"("")");
  EXPECT_EQ(InJson("plain text of some length"), R"("plain text of some length")");
  EXPECT_EQ(InJson("a\"b\\c/d"), R"("a\"b\\c/d")");
  EXPECT_EQ(InJson("\n\r\t"), R"("\n\r\t")");
  EXPECT_EQ(InJson(std::string_view("\0\x01\x1f\x7f", 4)), "\"\\u0000\\u0001\\u001f\x7f\"");
}

// Every byte at every place: eight of them are looked at together.
TEST(JsonBuffer, EveryAsciiCharacterComesBack) {
  for (int c = 0; c < 0x80; ++c) {
    for (size_t at = 0; at < 20; ++at) {
      std::string text(20, 'x');
      text[at] = static_cast<char>(c);
      ASSERT_EQ(nlohmann::json::parse(InJson(text)), text) << c << " at " << at;
    }
  }
}

TEST(JsonBuffer, Utf8StaysAsItIs) {
  // The first and the last character of each size.
  for (const std::string text :
       {"\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF",
        "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    JsonBuffer out;
    EXPECT_TRUE(out.AppendString(text));
    EXPECT_EQ(out.text(), "\"" + text + "\"");
  }
}

TEST(JsonBuffer, BytesThatAreNotUtf8AreReplaced) {
  const std::string one = "\xEF\xBF\xBD";
  const auto expect = [](const std::string& text, const std::string& wanted) {
    JsonBuffer out;
    EXPECT_FALSE(out.AppendString(text));
    EXPECT_EQ(out.text(), "\"" + wanted + "\"");
    EXPECT_TRUE(nlohmann::json::accept(out.text()));
  };
  expect("a\xFFz", "a" + one + "z");
  expect("\x80", one);
  expect("\xC3", one);                      // cut off
  expect("\xE2\x82", one + one);            // cut off
  expect("\xC0\xAF", one + one);            // longer than necessary
  expect("\xE0\x9F\xBF", one + one + one);  // likewise
  expect("\xF0\x8F\xBF\xBF", one + one + one + one);
  expect("\xED\xA0\x80", one + one + one);            // half a pair
  expect("\xF4\x90\x80\x80", one + one + one + one);  // beyond the last one
  expect("\xC3\"", one + "\\\"");
}

TEST(JsonBuffer, RandomBytesAreAlwaysJson) {
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string text(random() % 24, '\0');
    for (char& c : text) {
      // Half of them are likely to be parts of characters.
      c = static_cast<char>(random() % 2 == 0 ? random() : 0x80 + random() % 0x80);
    }
    ASSERT_TRUE(nlohmann::json::accept(InJson(text))) << i;
  }
}

TEST(JsonBuffer, Integers) {
  JsonBuffer out;
  out.AppendInt(std::numeric_limits<int64_t>::min());
  out.Append(" ");
  out.AppendInt(std::numeric_limits<int64_t>::max());
  out.Append(" ");
  out.AppendUnsigned(std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(out.text(), "-9223372036854775808 9223372036854775807 18446744073709551615");
}

TEST(JsonBuffer, NumbersThatJsonDoesNotHave) {
  EXPECT_EQ(InJson(std::numeric_limits<float>::quiet_NaN()), R"("NaN")");
  EXPECT_EQ(InJson(std::numeric_limits<float>::infinity()), R"("Infinity")");
  EXPECT_EQ(InJson(-std::numeric_limits<float>::infinity()), R"("-Infinity")");
  EXPECT_EQ(InJson(std::numeric_limits<double>::quiet_NaN()), R"("NaN")");
  EXPECT_EQ(InJson(std::numeric_limits<double>::infinity()), R"("Infinity")");
  EXPECT_EQ(InJson(-std::numeric_limits<double>::infinity()), R"("-Infinity")");
}

TEST(JsonBuffer, TheSignOfZeroSurvives) {
  EXPECT_EQ(InJson(-0.0F), "-0.0");
  EXPECT_TRUE(std::signbit(nlohmann::json::parse(InJson(-0.0)).get<double>()));
  EXPECT_EQ(InJson(0.0F), "0");
  EXPECT_EQ(InJson(0.0), "0");
}

TEST(JsonBuffer, DoublesReadBackAsTheSame) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 100'000; ++i) {
    const uint64_t bits = random();
    double value = 0;
    std::memcpy(&value, &bits, sizeof(value));
    if (std::isfinite(value)) {
      ASSERT_EQ(nlohmann::json::parse(InJson(value)).get<double>(), value) << bits;
    }
  }
}

TEST(JsonBuffer, ArrayOfFloats) {
  const float values[] = {1, -2.5F, 1e30F};
  JsonBuffer out;
  out.AppendFloats({reinterpret_cast<const char*>(values), sizeof(values)});
  EXPECT_EQ(out.text(), "[1,-2.5,1e+30]");
  out.Clear();
  out.AppendFloats("");
  EXPECT_EQ(out.text(), "[]");
}

TEST(JsonBuffer, Base64) {
  JsonBuffer out;
  out.AppendBase64("ab");
  out.AppendBase64("");
  EXPECT_EQ(out.text(), "\"YWI=\"\"\"");
}

TEST(JsonBuffer, TakesBack) {
  JsonBuffer out;
  out.Append("kept");
  out.Append(std::string(5000, 'x'));
  out.Truncate(4);
  EXPECT_EQ(out.text(), "kept");
}

}  // namespace
}  // namespace cdc
