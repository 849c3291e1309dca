#include "base/file.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace cdc {
namespace {

using testing::HasSubstr;

std::string FileWith(const std::string& text) {
  // ctest runs tests in parallel, each in its own process.
  std::string path = testing::TempDir() + "cdc_read_file_test_" + std::to_string(::getpid());
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

TEST(ReadFile, GivesEveryByte) {
  const std::string text = "a\0\xff\n" + std::string(200'000, 'x');
  EXPECT_EQ(*ReadFile(FileWith(text)), text);
  EXPECT_EQ(*ReadFile(FileWith("")), "");
}

TEST(ReadFile, SaysWhyItCannot) {
  const auto message = [](const std::string& path, size_t max) {
    const Status status = ReadFile(path, max).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return status.message();
  };
  EXPECT_EQ(message("/no/such/file", 100), "cannot read /no/such/file: No such file or directory");
  EXPECT_THAT(message(testing::TempDir(), 100), HasSubstr("Is a directory"));
  EXPECT_THAT(message("/dev/zero", 100), HasSubstr("larger than 100 bytes"));
  EXPECT_THAT(message(FileWith("12345"), 4), HasSubstr("larger than 4 bytes"));
}

}  // namespace
}  // namespace cdc
