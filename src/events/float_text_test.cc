#include "events/float_text.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>

#include <nlohmann/json.hpp>

#include "gtest/gtest.h"

namespace cdc {
namespace {

std::string Text(float value) {
  std::array<char, kMaxFloatText> text;
  return {text.data(), WriteFloat(value, text.data())};
}

std::string Text(double value) {
  std::array<char, kMaxDoubleText> text;
  return {text.data(), WriteDouble(value, text.data())};
}

template <class Number>
void ExpectReadsBack(Number value) {
  const std::string text = Text(value);
  Number read = 0;
  ASSERT_EQ(std::from_chars(text.data(), text.data() + text.size(), read).ptr,
            text.data() + text.size());
  ASSERT_EQ(read, value) << text;
  ASSERT_EQ(std::signbit(read), std::signbit(value)) << text;
  ASSERT_TRUE(nlohmann::json::accept(text)) << text;
}

TEST(FloatTextTest, Notation) {
  EXPECT_EQ(Text(0.0F), "0");
  EXPECT_EQ(Text(-0.0F), "-0.0");
  EXPECT_EQ(Text(-1.5F), "-1.5");
  EXPECT_EQ(Text(0.1F), "0.1");
  EXPECT_EQ(Text(0.1), "0.1");
  EXPECT_EQ(Text(static_cast<double>(0.1F)), "0.10000000149011612");
  EXPECT_EQ(Text(16777216.0F), "16777216");
}

TEST(FloatTextTest, WhatJsonHasNoNumberFor) {
  constexpr float kEndless = std::numeric_limits<float>::infinity();
  EXPECT_EQ(Text(std::numeric_limits<float>::quiet_NaN()), R"("NaN")");
  EXPECT_EQ(Text(kEndless), R"("Infinity")");
  EXPECT_EQ(Text(static_cast<double>(-kEndless)), R"("-Infinity")");
}

// The longest texts among them: the room must do.
TEST(FloatTextTest, EachReadsBackAsItself) {
  for (const float value :
       {std::numeric_limits<float>::max(), -std::numeric_limits<float>::min(),
        std::numeric_limits<float>::denorm_min(), -0.000012345679F, -1.1754942e-38F}) {
    ASSERT_NO_FATAL_FAILURE(ExpectReadsBack(value));
  }
  for (const double value :
       {std::numeric_limits<double>::max(), -std::numeric_limits<double>::min(),
        -std::numeric_limits<double>::denorm_min(), -2.2250738585072011e-308}) {
    ASSERT_NO_FATAL_FAILURE(ExpectReadsBack(value));
  }
  std::mt19937_64 random(7);
  for (int i = 0; i < 50'000; ++i) {
    const uint64_t bits = random();
    const auto value = std::bit_cast<float>(static_cast<uint32_t>(bits));
    const auto wide = std::bit_cast<double>(bits);
    if (std::isfinite(value) && std::isfinite(wide)) {
      ASSERT_NO_FATAL_FAILURE(ExpectReadsBack(value));
      ASSERT_NO_FATAL_FAILURE(ExpectReadsBack(wide));
    }
  }
}

}  // namespace
}  // namespace cdc
