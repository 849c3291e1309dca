#include "wire/wire_writer.h"

#include <cstdint>
#include <limits>
#include <string>

#include "gtest/gtest.h"

namespace cdc {
namespace {

TEST(WireWriterTest, WritesAsProtobufDoes) {
  std::string bytes = "before";
  wire::AppendVarintField(1, 150, &bytes);
  wire::AppendBytesField(2, "testing", &bytes);
  wire::AppendBytesHeader(16, 300, &bytes);
  EXPECT_EQ(bytes,
            "before"
            "\x08\x96\x01"
            "\x12\x07testing"
            "\x82\x01\xac\x02");
}

TEST(WireWriterTest, SizesAreThoseOfWhatIsWritten) {
  for (const int field : {1, 15, 16, 2047, 2048, (1 << 29) - 1}) {
    for (const uint64_t value :
         {uint64_t{0}, uint64_t{127}, uint64_t{128}, std::numeric_limits<uint64_t>::max()}) {
      std::string bytes;
      wire::AppendVarintField(field, value, &bytes);
      EXPECT_EQ(bytes.size(), wire::VarintFieldSize(field, value));
    }
    for (const size_t size : {0U, 127U, 128U, 20000U}) {
      std::string bytes;
      wire::AppendBytesField(field, std::string(size, 'x'), &bytes);
      EXPECT_EQ(bytes.size(), wire::BytesFieldSize(field, size));
    }
  }
}

}  // namespace
}  // namespace cdc
