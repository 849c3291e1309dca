#include "base/file.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
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

TEST(WritePrivateFile, ReplacesTheFileAndItsMode) {
  const std::string path = FileWith("before");
  ASSERT_EQ(chmod(path.c_str(), 0644), 0);
  const std::string text = "a\0\xff\n" + std::string(200'000, 'x');
  ASSERT_TRUE(WritePrivateFile(path, text).ok());
  EXPECT_EQ(*ReadFile(path), text);
  struct stat status{};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_FALSE(ReadFile(path + ".new").ok());
}

TEST(WritePrivateFile, SaysWhyItCannotAndLeavesNothing) {
  EXPECT_EQ(WritePrivateFile("/no/such/file", "x").message(),
            "cannot write /no/such/file: No such file or directory");
  const Status folder = WritePrivateFile(testing::TempDir(), "x");
  EXPECT_EQ(folder.code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace cdc
