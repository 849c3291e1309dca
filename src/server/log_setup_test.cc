#include "server/log_setup.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "metastore/testing/temp_dir.h"

namespace cdc {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

// Leaves the logger of the other tests as it was.
class LogSetupTest : public ::testing::Test {
 protected:
  ~LogSetupTest() override { spdlog::set_default_logger(before_); }

  std::vector<std::string> Lines(const std::string& path) {
    spdlog::default_logger()->flush();
    std::ifstream file(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) {
      lines.push_back(line);
    }
    return lines;
  }

  const TempDir dir_;
  const std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
};

TEST_F(LogSetupTest, AFileInAFolderThatIsMade) {
  const std::string path = dir_.File("logs/cdc.log");
  ASSERT_TRUE(SetUpLog({.path = path}).ok());
  spdlog::warn("task={}", "t1");
  const std::vector<std::string> lines = Lines(path);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], MatchesRegex("....-..-..T..:..:......[+-]..:.. warning task=t1"));
}

TEST_F(LogSetupTest, JsonWhateverTheTextIs) {
  const std::string path = dir_.File("cdc.log");
  ASSERT_TRUE(SetUpLog({.path = path, .json = true}).ok());
  spdlog::error("{}", "a \"b\"\n\\ \xff \x01 ü");
  const std::vector<std::string> lines = Lines(path);
  ASSERT_EQ(lines.size(), 1U);
  const nlohmann::json line = nlohmann::json::parse(lines[0]);
  EXPECT_EQ(line.at("message"), "a \"b\"\n\\ \xef\xbf\xbd \x01 ü");
  EXPECT_EQ(line.at("level"), "error");
  EXPECT_THAT(line.at("time").get<std::string>(), HasSubstr("T"));
}

TEST_F(LogSetupTest, AFullFileBecomesAnOlderOne) {
  const std::string path = dir_.File("cdc.log");
  ASSERT_TRUE(SetUpLog({.path = path, .max_size_mb = 1, .max_files = 2}).ok());
  const std::string text(100'000, 'x');
  for (int i = 0; i < 55; ++i) {
    spdlog::info("{} {}", i, text);
  }
  EXPECT_THAT(Lines(path).back(), HasSubstr(" info 54 xxx"));
  EXPECT_TRUE(std::filesystem::exists(dir_.File("cdc.1.log")));
  EXPECT_TRUE(std::filesystem::exists(dir_.File("cdc.2.log")));
  EXPECT_FALSE(std::filesystem::exists(dir_.File("cdc.3.log")));
  EXPECT_LE(std::filesystem::file_size(dir_.File("cdc.1.log")), 1'000'000U);
}

TEST_F(LogSetupTest, AFileThatCannotBeWrittenIsAnError) {
  const std::string path = dir_.path();
  const Status status = SetUpLog({.path = path});
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("log.path: "), HasSubstr(path)));
  EXPECT_EQ(spdlog::default_logger(), before_);
}

}  // namespace
}  // namespace cdc
