#include "cli/cli_config.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "cli/task_cli.h"
#include "cli/testing/fake_api_server.h"

namespace cdc::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class CliConfigTest : public ::testing::Test {
 protected:
  CliConfigTest() {
    char folder[] = "/tmp/cdc_cli_config_XXXXXX";
    folder_ = mkdtemp(folder);
    environment_["XDG_CONFIG_HOME"] = folder_;
  }
  ~CliConfigTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& text, mode_t mode = 0600) {
    std::filesystem::create_directories(folder_ + "/milvus-cdc");
    const std::string path = folder_ + "/milvus-cdc/config.yaml";
    std::ofstream(path) << text;
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
  }

  Console MakeConsole() {
    return {.out = &out_,
            .err = &err_,
            .terminal = [] { return std::nullopt; },
            .environment = [this](const char* name) -> std::optional<std::string> {
              const auto found = environment_.find(name);
              return found == environment_.end() ? std::nullopt : std::optional(found->second);
            }};
  }

  std::string Refusal(const std::string& text, mode_t mode = 0600) {
    Write(text, mode);
    const auto config = ReadCliConfig(MakeConsole());
    EXPECT_EQ(config.status().code(), StatusCode::kInvalidArgument);
    return config.status().message();
  }

  std::string folder_;
  std::map<std::string, std::string> environment_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(CliConfigTest, IsReadFromWhereTheEnvironmentSays) {
  EXPECT_EQ(ReadCliConfig(MakeConsole())->server, "") << "without a file nothing is set";
  Write("server: one:8444\ntokenFile: token\noutput: yaml\n", 0644);
  auto config = ReadCliConfig(MakeConsole());
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->server, "one:8444");
  EXPECT_EQ(config->token_file, folder_ + "/milvus-cdc/token");
  EXPECT_EQ(config->output, "yaml");
  std::filesystem::create_directories(folder_ + "/.config");
  std::filesystem::rename(folder_ + "/milvus-cdc", folder_ + "/.config/milvus-cdc");
  environment_ = {{"HOME", folder_}};
  EXPECT_EQ(ReadCliConfig(MakeConsole())->server, "one:8444");
  environment_["XDG_CONFIG_HOME"] = "not/absolute";
  EXPECT_EQ(ReadCliConfig(MakeConsole())->server, "one:8444");
  environment_.clear();
  EXPECT_EQ(ReadCliConfig(MakeConsole())->server, "");
}

TEST_F(CliConfigTest, RefusesWhatIsWrongWithItsLine) {
  EXPECT_THAT(Refusal("server: a\ntoken_: s3cret\n"),
              AllOf(HasSubstr("config.yaml: line 2: unknown key token_; known are server, token, "
                              "tokenFile, tlsCA, tlsCert, tlsKey, output"),
                    Not(HasSubstr("s3cret"))));
  EXPECT_THAT(Refusal("server: a\nserver: b\n"), HasSubstr("line 2: server is set twice"));
  EXPECT_THAT(Refusal("server: [a]\n"), HasSubstr("line 1: server must be a text"));
  EXPECT_THAT(Refusal("- a\n"), HasSubstr("keys with values are expected"));
  EXPECT_THAT(Refusal("server: a\n b: [\n"), HasSubstr("this is not YAML"));
  EXPECT_THAT(Refusal("token: a\ntokenFile: b\n"), HasSubstr("line 2: either token or"));
  EXPECT_THAT(Refusal("\noutput: xml\n"), HasSubstr("line 2: output must be table, json or yaml"));
}

TEST_F(CliConfigTest, RefusesATokenThatOthersCanRead) {
  EXPECT_THAT(Refusal("token: s3cret\n", 0640),
              AllOf(HasSubstr("chmod 600 " + folder_), Not(HasSubstr("s3cret"))));
  Write("token: s3cret\n", 0600);
  EXPECT_EQ(ReadCliConfig(MakeConsole())->token, "s3cret");
}

TEST_F(CliConfigTest, ItsTokenIsForItsServerOnly) {
  FakeApiServer mine;
  FakeApiServer other;
  for (FakeApiServer* server : {&mine, &other}) {
    server->SetAnswer("list", ListAnswer({}));
  }
  Write("server: " + mine.url() + "\ntoken: s3cret\n");
  EXPECT_EQ(RunTaskCommand({"list"}, MakeConsole()), 0) << err_.str();
  EXPECT_EQ(mine.Authorization(), "Bearer s3cret");
  EXPECT_EQ(RunTaskCommand({"list", "--server", other.url()}, MakeConsole()), 0) << err_.str();
  environment_["MILVUS_CDC_SERVER"] = other.url();
  EXPECT_EQ(RunTaskCommand({"list"}, MakeConsole()), 0) << err_.str();
  EXPECT_EQ(other.Authorization(), "");
}

TEST_F(CliConfigTest, FlagsComeFirstThenTheEnvironmentThenTheFile) {
  FakeApiServer server;
  server.SetAnswer("list", ListAnswer({TaskJson({.id = "abc1"})}));
  Write("server: " + server.url() + "\noutput: json\n");
  EXPECT_EQ(RunTaskCommand({"list"}, MakeConsole()), 0) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("\"task_id\": \"abc1\""));
  out_.str("");
  EXPECT_EQ(RunTaskCommand({"list", "-o", "yaml"}, MakeConsole()), 0) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("task_id: \"abc1\""));
  environment_["MILVUS_CDC_SERVER"] = "ftp://wrong";
  EXPECT_EQ(RunTaskCommand({"list"}, MakeConsole()), 2);
  EXPECT_EQ(RunTaskCommand({"list", "--server", server.url()}, MakeConsole()), 0) << err_.str();
  Write("nonsense: 1\n");
  EXPECT_EQ(RunTaskCommand({"list", "--server", server.url()}, MakeConsole()), 2);
}

}  // namespace
}  // namespace cdc::cli
