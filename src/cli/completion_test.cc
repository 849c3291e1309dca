#include "cli/completion.h"

#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/task_cli.h"
#include "cli/testing/fake_api_server.h"

namespace cdc::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class CompletionTest : public ::testing::Test {
 protected:
  std::string Of(const std::vector<std::string>& words) {
    return "\n" +
           CompleteTaskCommand(
               words, {.out = &out_,
                       .err = &out_,
                       .terminal = [] { return std::nullopt; },
                       .environment = [this](const char* name) -> std::optional<std::string> {
                         return std::string(name) == "MILVUS_CDC_SERVER" ? std::optional(url_)
                                                                         : std::nullopt;
                       }});
  }

  FakeApiServer server_;
  std::string url_ = server_.url();
  std::ostringstream out_;
};

TEST_F(CompletionTest, KnowsCommandsOptionsValuesAndIds) {
  server_.SetAnswer("list", ListAnswer({TaskJson({.id = "abc1"}), TaskJson({.id = "def"})}));
  EXPECT_THAT(Of({""}), AllOf(HasSubstr("\nlist\tlists all tasks\n"), HasSubstr("\ndrain\t")));
  EXPECT_THAT(Of({"create", "--"}), AllOf(HasSubstr("\n--target-uri\t"), HasSubstr("\n--server\t"),
                                          Not(HasSubstr("--until-caught-up"))));
  EXPECT_EQ(Of({"list", "-o", ""}), "\ntable\njson\nyaml\n");
  EXPECT_EQ(Of({"create", "--start-from", "s"}), "\nlatest\nearliest\nsnapshot\n");
  EXPECT_EQ(Of({"get", ""}), "\nabc1\ndef\n");
  EXPECT_EQ(Of({"-o", "json", "pause", "abc1", ""}), "\nabc1\ndef\n");
  // The value of an option is no command, and a flag has none.
  EXPECT_EQ(Of({"create", "--id", "get", ""}), "\n");
  EXPECT_EQ(Of({"watch", "-v", ""}), "\nabc1\ndef\n");
}

TEST_F(CompletionTest, AsksTheServerThatTheLineNames) {
  server_.SetAnswer("list", ListAnswer({TaskJson({.id = "abc1"})}));
  const std::string url = std::exchange(url_, "http://127.0.0.1:1");
  EXPECT_EQ(Of({"--server", url, "get", ""}), "\nabc1\n");
  EXPECT_EQ(Of({"get", "--server=" + url, ""}), "\nabc1\n");
  EXPECT_EQ(Of({"watch", "-v", "--server", url, "--interval", "5", "x", ""}), "\nabc1\n");
  const std::string file = ::testing::TempDir() + "completion_test.token";
  std::ofstream(file) << "s3cret\n";
  EXPECT_EQ(Of({"get", "--server", url, "--server-token-file", file, ""}), "\nabc1\n");
  EXPECT_EQ(server_.Authorization(), "Bearer s3cret");
  // What cannot be read names no server.
  EXPECT_EQ(Of({"get", "--server", url, "--tls-ca", ""}), "\n");
}

TEST_F(CompletionTest, DoesWithoutTheServer) {
  url_ = "http://127.0.0.1:1";
  EXPECT_EQ(Of({"get", ""}), "\n");
  EXPECT_EQ(out_.str(), "");
}

}  // namespace
}  // namespace cdc::cli
