#include "cli/view/format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/view/table.h"

namespace cdc::cli {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

TEST(FormatTest, Bytes) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1024), "1.0 KiB");
  EXPECT_EQ(FormatBytes(1024 * 1024 - 1), "1.0 MiB");
  EXPECT_EQ(FormatBytes(12'900'000), "12.3 MiB");
  EXPECT_EQ(FormatBytes(123ULL << 30), "123 GiB");
  EXPECT_EQ(FormatBytes(~0ULL), "16.0 EiB");
}

TEST(FormatTest, Megabytes) {
  EXPECT_EQ(FormatMegabytes(0), "0.0");
  EXPECT_EQ(FormatMegabytes(-1), "0.0");
  EXPECT_EQ(FormatMegabytes(50'000), "0.05");
  EXPECT_EQ(FormatMegabytes(12'340'000), "12.3");
  EXPECT_EQ(FormatMegabytes(1'234'000'000), "1,234");
}

TEST(FormatTest, CountsAndRates) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1'000), "1,000");
  EXPECT_EQ(FormatCount(1'234'567), "1,234,567");
  EXPECT_EQ(FormatRate(0), "0");
  EXPECT_EQ(FormatRate(0.5), "0.5");
  EXPECT_EQ(FormatRate(9.97), "10");
  EXPECT_EQ(FormatRate(1234.4), "1,234");
}

TEST(FormatTest, Durations) {
  EXPECT_EQ(FormatDuration(int64_t{-5}), "0 ms");
  EXPECT_EQ(FormatDuration(int64_t{999}), "999 ms");
  EXPECT_EQ(FormatDuration(int64_t{1'599}), "1.5 s");
  EXPECT_EQ(FormatDuration(int64_t{59'999}), "59.9 s");
  EXPECT_EQ(FormatDuration(int64_t{125'000}), "2 min 5 s");
  EXPECT_EQ(FormatDuration(int64_t{12'000'000}), "3 h 20 min");
  EXPECT_EQ(FormatDuration(int64_t{4 * 86'400'000LL + 3 * 3'600'000}), "4 d 3 h");
  EXPECT_EQ(FormatDuration(std::nullopt), "-");
}

TEST(FormatTest, Times) {
  EXPECT_EQ(FormatTime(0), "-");
  EXPECT_EQ(FormatTime(1'714'979'289'007), "2024-05-06 07:08:09.007Z");
}

TEST(FormatTest, WidthIsThatOfTheTerminal) {
  EXPECT_EQ(DisplayWidth("abc"), 3U);
  EXPECT_EQ(DisplayWidth("größe"), 5U);
  EXPECT_EQ(DisplayWidth("数据"), 4U);
  EXPECT_EQ(DisplayWidth("e\xcc\x81"), 1U);      // a combining accent
  EXPECT_EQ(DisplayWidth("a\xff\xe6\x95"), 4U);  // invalid bytes, a truncated character
}

TEST(FormatTest, ShortensBetweenCharacters) {
  EXPECT_EQ(Shorten("collection", 10), "collection");
  EXPECT_EQ(Shorten("collection", 5), "coll…");
  EXPECT_EQ(Shorten("数据库", 5), "数据…");
  EXPECT_EQ(Shorten("数据库", 4), "数…");
  EXPECT_EQ(Shorten("abc", 1), "…");
  EXPECT_EQ(Shorten("abc", 0), "");
}

TEST(FormatTest, PrintableCannotMoveTheCursor) {
  EXPECT_EQ(Printable("größe 数据"), "größe 数据");
  EXPECT_EQ(Printable("a\x1b[2Jb\nc\x7f"), "a?[2Jb?c?");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "x\xff\xe2\x80\xae"),
            "?x??");
}

std::vector<std::vector<Cell>> Rows() { return {{{"a-long-name"}, {"1"}}, {{"数据"}, {"1,000"}}}; }

std::vector<Column> Columns() {
  return {{.title = "NAME", .least = 4}, {.title = "ROWS", .right = true}};
}

TEST(TableTest, AlignsAlsoWideNames) {
  EXPECT_THAT(LayOutTable(Columns(), Rows(), {}), ElementsAre("NAME          ROWS",  //
                                                              "a-long-name      1",  //
                                                              "数据         1,000"));
}

TEST(TableTest, CutsWhatMayBeCut) {
  EXPECT_THAT(LayOutTable(Columns(), Rows(), {.width = 13}), ElementsAre("NAME     ROWS",  //
                                                                         "a-lon…      1",  //
                                                                         "数据    1,000"));
}

TEST(TableTest, NeverFillsTwoLines) {
  for (size_t width = 1; width < 20; ++width) {
    for (const std::string& line : LayOutTable(Columns(), Rows(), {.width = width})) {
      EXPECT_LE(DisplayWidth(line), width) << line;
    }
  }
}

TEST(TableTest, WidestGivesWayFirst) {
  const std::vector<Column> columns = {{.title = "A", .least = 2}, {.title = "B", .least = 2}};
  EXPECT_THAT(LayOutTable(columns, {{{"aaaa"}, {"bbbbbbbb"}}}, {.width = 10}),
              ElementsAre("A     B", "aaaa  bbb…"));
}

TEST(TableTest, ColoursDoNotCount) {
  const auto lines =
      LayOutTable({{"A"}, {"B"}}, {{{"ok", Colour::kGreen}, {"x"}}}, {.width = 5, .colours = true});
  EXPECT_EQ(lines[1], "\x1b[32mok\x1b[0m  x");
}

TEST(TableTest, NoTrailingSpaces) {
  EXPECT_THAT(LayOutTable({{"A"}, {"B"}}, {{{"1"}, {""}}}, {}), ElementsAre("A  B", "1"));
}

}  // namespace
}  // namespace cdc::cli
