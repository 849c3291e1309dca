#include "cli/tls_files.h"

#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "cli/task_cli.h"
#include "cli/testing/fake_api_server.h"

namespace cdc::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kHttps = "https://h:1";

class TlsFilesTest : public ::testing::Test {
 protected:
  TlsFilesTest() { std::ofstream(file_) << "hush"; }
  ~TlsFilesTest() override { unlink(file_.c_str()); }

  Result<TlsFiles> Read(const TlsFiles& options, const std::string& base) const {
    return ReadTlsFiles(options, config_, base, TheConsole());
  }

  int Run(const std::vector<std::string>& arguments) {
    err_.str("");
    return RunTaskCommand(arguments, TheConsole());
  }

  Console TheConsole() const {
    return {.out = &out_,
            .err = &err_,
            .terminal = [] { return std::nullopt; },
            .environment = [this](const char* name) -> std::optional<std::string> {
              const auto found = environment_.find(name);
              return found == environment_.end() ? std::nullopt : std::optional(found->second);
            }};
  }

  CliConfig config_;
  std::map<std::string, std::string> environment_;
  mutable std::ostringstream out_;
  mutable std::ostringstream err_;
  const std::string file_ = ::testing::TempDir() + "tls_files_test." + std::to_string(getpid());
};

TEST_F(TlsFilesTest, VariablesStandInForOptions) {
  environment_ = {{"MILVUS_CDC_SERVER_TLS_CA", file_}, {"MILVUS_CDC_SERVER_TLS_KEY", "/missing"}};
  const Result<TlsFiles> files = Read({.cert = "/dev/null", .key = "/"}, kHttps);
  EXPECT_THAT(files.status().message(), HasSubstr("--tls-key: ")) << "a folder";
  const Result<TlsFiles> both = Read({.cert = "/dev/null", .key = file_}, kHttps);
  ASSERT_TRUE(both.ok()) << both.status().ToString();
  EXPECT_EQ(both->ca, file_);
  EXPECT_EQ(both->cert, "/dev/null");
  EXPECT_EQ(both->key, file_);
  EXPECT_THAT(Read({.cert = file_}, kHttps).status().message(),
              HasSubstr("MILVUS_CDC_SERVER_TLS_KEY: cannot read /missing"));
}

TEST_F(TlsFilesTest, TheConfigurationFileComesLast) {
  config_.tls_ca = "/missing";
  EXPECT_THAT(Read({}, kHttps).status().message(), HasSubstr("tlsCA: cannot read /missing"));
  EXPECT_TRUE(Read({}, "http://h:1").ok());
  environment_ = {{"MILVUS_CDC_SERVER_TLS_CA", file_}};
  const Result<TlsFiles> files = Read({}, kHttps);
  ASSERT_TRUE(files.ok()) << files.status().ToString();
  EXPECT_EQ(files->ca, file_);
}

TEST_F(TlsFilesTest, ACertificateNeedsItsKey) {
  for (const TlsFiles& half : {TlsFiles{.cert = file_}, TlsFiles{.key = file_}}) {
    EXPECT_THAT(Read(half, kHttps).status().message(),
                HasSubstr("give both --tls-cert and --tls-key"));
  }
}

TEST_F(TlsFilesTest, WithoutTlsOptionsAreAnErrorAndVariablesAreNot) {
  environment_ = {{"MILVUS_CDC_SERVER_TLS_CA", "/missing"}};
  EXPECT_TRUE(Read({}, "http://h:1").ok());
  EXPECT_THAT(Read({.ca = file_}, "http://h:1").status().message(), HasSubstr("https://"));
  EXPECT_EQ(Run({"list", "--server", "h:1", "--tls-ca", file_}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("https://"));
}

TEST_F(TlsFilesTest, FilesThatCannotBeUsedAreNamed) {
  EXPECT_EQ(Run({"list", "--server", kHttps, "--tls-cert", file_, "--tls-key", file_}), 2);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr(file_), HasSubstr("PEM"), Not(HasSubstr("hush"))));
}

TEST_F(TlsFilesTest, AServerWithoutTlsIsExplained) {
  FakeApiServer server;
  server.SetAnswer("list", ListAnswer({}));
  environment_["MILVUS_CDC_SERVER"] = "https" + server.url().substr(4);
  EXPECT_EQ(Run({"list"}), 3);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("does not speak TLS"), HasSubstr("http://")));
  EXPECT_EQ(Run({"list", "--server", server.url()}), 0);
}

}  // namespace
}  // namespace cdc::cli
