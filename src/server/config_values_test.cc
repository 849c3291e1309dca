// Where values come from: the file, the environment, the files of secrets; and how they are shown.
#include "server/config_values.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/testing/source_dir.h"
#include "metastore/testing/temp_dir.h"
#include "server/config.h"
#include "server/config_keys.h"
#include "server/config_print.h"

namespace cdc {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

LoadedConfig Read(const std::string& text, const Environment& environment = {}) {
  Result<LoadedConfig> loaded = ParseConfig(text, "cdc.yaml", environment);
  EXPECT_TRUE(loaded.ok()) << loaded.status().ToString();
  return loaded.ok() ? *std::move(loaded) : LoadedConfig();
}

std::string ErrorOf(const std::string& text, const Environment& environment = {}) {
  return ParseConfig(text, "cdc.yaml", environment).status().message();
}

std::string WriteSecret(const TempDir& dir, const std::string& content) {
  const std::string path = dir.File("secret");
  std::ofstream(path) << content;
  return path;
}

TEST(ConfigKeysTest, AllOfThemAreReadAndHaveTheirDefault) {
  const LoadedConfig loaded = Read("");
  std::set<std::string> names;
  for (const ConfigKey& key : ConfigKeys()) {
    const std::string path(key.path);
    EXPECT_TRUE(names.insert(EnvironmentName(key.path)).second) << path;
    if (!key.used) {
      EXPECT_FALSE(key.about.empty()) << path;
      continue;
    }
    const auto read = loaded.values.read().find(InLowerCase(path));
    // The older forms and the files of secrets are read by ConfigValues itself.
    const bool is_older =
        path.starts_with("sourceConfig.etcd") && !path.starts_with("sourceConfig.etcd.");
    if (key.type == ConfigKeyType::kSection || path.ends_with("File") || is_older ||
        path == "metaStoreConfig.etcdEndpoints") {
      continue;
    }
    ASSERT_NE(read, loaded.values.read().end()) << path << " is not read";
    if (!key.default_value.empty()) {
      EXPECT_EQ(read->second, key.default_value) << path;
    }
  }
}

TEST(ConfigKeysTest, EachHasASection) {
  for (const ConfigKey& key : ConfigKeys()) {
    const size_t dot = key.path.rfind('.');
    if (dot != std::string_view::npos) {
      const ConfigKey* const section = FindConfigKey(key.path.substr(0, dot));
      ASSERT_NE(section, nullptr) << key.path;
      EXPECT_EQ(section->type, ConfigKeyType::kSection) << key.path;
    }
  }
}

TEST(ConfigKeysTest, TheReferenceIsUpToDate) {
  const Result<std::string> page = ReadFile(SourceDir() + "/docs/configuration.md");
  ASSERT_TRUE(page.ok()) << page.status().ToString();
  EXPECT_TRUE(page->ends_with(PrintConfigReference()))
      << "replace everything from the line `## Keys` on in docs/configuration.md by what "
         "`milvus-cdc --print-config-reference` prints";
}

TEST(EnvironmentTest, TakesPrecedenceOverTheFile) {
  const LoadedConfig loaded =
      Read("maxTaskNum: 5\nsourceConfig: {etcd: {address: [a:1], enableAuth: false}}",
           {{"MILVUS_CDC_MAXTASKNUM", "7"},
            {"MILVUS_CDC_SOURCECONFIG_ETCD_ADDRESS", "host1:2379, host2:2379"},
            {"MILVUS_CDC_SOURCECONFIG_ETCD_ENABLEAUTH", "true"},
            {"MILVUS_CDC_SOURCECONFIG_ETCD_PASSWORD", "a: [#b"},
            {"MILVUS_CDC_SOURCECONFIG_KAFKA_CONSUMER", R"({"ssl.ca.location": "/ca", n: 5})"},
            {"MILVUS_CDC_METASTORECONFIG_ETCD_ADDRESS", "['a:1', b:2]"},
            {"MILVUS_CDC_LOGLEVEL", ""}});
  EXPECT_EQ(loaded.config.max_task_num, 7);
  EXPECT_THAT(loaded.config.source_etcd.address, ElementsAre("host1:2379", "host2:2379"));
  EXPECT_TRUE(loaded.config.source_etcd.enable_auth);
  EXPECT_EQ(loaded.config.source_etcd.password, "a: [#b");
  EXPECT_THAT(loaded.config.kafka.consumer,
              ElementsAre(Pair("n", "5"), Pair("ssl.ca.location", "/ca")));
  EXPECT_THAT(loaded.config.meta_store.etcd.address, ElementsAre("a:1", "b:2"));
  EXPECT_EQ(loaded.config.log_level, "info") << "an empty variable is none";
  EXPECT_THAT(loaded.values.warnings(), IsEmpty());
}

TEST(EnvironmentTest, ErrorsNameTheVariableButNoValue) {
  const struct {
    const char* variable;
    const char* value;
    const char* error;
  } cases[] = {
      {"MAXTASKNUM", "secret", "maxTaskNum must be an integer"},
      {"MAXTASKNUM", "-1", "maxTaskNum must not be negative"},
      {"DRYRUN", "perhaps", "dryRun must be true or false"},
      {"SOURCECONFIG_KAFKA_CONSUMER", "secret", "sourceConfig.kafka.consumer must be a section"},
      {"SOURCECONFIG_KAFKA_CONSUMER", "{secret", "sourceConfig.kafka.consumer must be a section"},
      {"SOURCECONFIG_ETCD_ADDRESS", "[secret", "sourceConfig.etcd.address must be a list"}};
  for (const auto& [variable, value, error] : cases) {
    const std::string name = std::string("MILVUS_CDC_") + variable;
    const std::string message = ErrorOf("", {{name, value}});
    EXPECT_THAT(message, HasSubstr("environment variable " + name + ": " + error));
    EXPECT_THAT(message, Not(HasSubstr("secret")));
  }
}

TEST(EnvironmentTest, UnknownNamesAreAWarningWithTheNearest) {
  const auto warnings = [](const std::string& name) {
    return Read("", {{name, "secret"}}).values.warnings();
  };
  EXPECT_THAT(warnings("MILVUS_CDC_SOURCECONFIG_ETCD_ADRESS"),
              ElementsAre("environment variable MILVUS_CDC_SOURCECONFIG_ETCD_ADRESS sets no known "
                          "key, did you mean MILVUS_CDC_SOURCECONFIG_ETCD_ADDRESS?"));
  EXPECT_THAT(warnings("MILVUS_CDC_X"), ElementsAre(HasSubstr("MILVUS_CDC_X sets no known key")));
  EXPECT_THAT(warnings("MILVUS_CDC_SOURCECONFIG_ETCD"), ElementsAre(HasSubstr("names a section")));
  // Of our command line and scripts, and what Kubernetes sets for a service named milvus-cdc.
  for (const char* others :
       {"MILVUS_CDC_SERVER", "MILVUS_CDC_SERVER_TOKEN", "MILVUS_CDC_SERVER_TLS_CA",
        "MILVUS_CDC_SERVER_TLS_CERT", "MILVUS_CDC_SERVER_TLS_KEY", "MILVUS_CDC_TARGET_TOKEN",
        "MILVUS_CDC_CACHE", "MILVUS_CDC_PORT", "MILVUS_CDC_PORT_8444_TCP_ADDR",
        "MILVUS_CDC_SERVICE_HOST", "MILVUS_CDC_SERVICE_PORT_HTTP", "MILVUS", "PATH"}) {
    EXPECT_THAT(warnings(others), IsEmpty()) << others;
    EXPECT_EQ(FindByEnvironmentName(others), nullptr) << others;
  }
}

TEST(NotesTest, WhatHasNoEffectIsSaidOnceWithTheReason) {
  const LoadedConfig loaded = Read(
      "packer: {timerInterval: 5, maxCount: 7}\nbatchMode: true\nsourceConfig: {channelNum: 5}",
      {{"MILVUS_CDC_PACKER_MAXCOUNT", "5"}, {"MILVUS_CDC_DETECTDEADLOCK", "true"}});
  EXPECT_THAT(loaded.values.warnings(), IsEmpty());
  EXPECT_THAT(
      loaded.values.notes(),
      ElementsAre("cdc.yaml: packer has no effect: batches are formed by bytes and time, there is "
                  "nothing to set",
                  HasSubstr("cdc.yaml: batchMode has no effect: "),
                  HasSubstr("sourceConfig.channelNum has no effect: "),
                  HasSubstr("environment variable MILVUS_CDC_DETECTDEADLOCK: detectDeadLock has no "
                            "effect: ")));
}

TEST(SecretFileTest, HoldsTheSecret) {
  const TempDir dir;
  for (const char* content : {"hush", "hush\n", "hush\r\n"}) {
    const std::string path = WriteSecret(dir, content);
    const std::string file = "sourceConfig: {milvus: {tokenFile: " + path + ", token: ''}}";
    EXPECT_EQ(Read(file).config.source_milvus.token, "hush");
    EXPECT_EQ(
        Read("", {{"MILVUS_CDC_SOURCECONFIG_ETCD_PASSWORDFILE", path}}).config.source_etcd.password,
        "hush");
    EXPECT_THAT(
        PrintConfig(Read(file).values),
        AllOf(HasSubstr("    token:  # from tokenFile\n"),
              HasSubstr("    tokenFile: " + path + "  # file, line 1\n"), Not(HasSubstr("hush"))));
  }
}

TEST(SecretFileTest, ThatCannotBeUsedIsAnError) {
  const TempDir dir;
  const std::string path = WriteSecret(dir, "\n");
  const std::string key = "sourceConfig: {etcd: {passwordFile: ";
  EXPECT_THAT(
      ErrorOf(key + path + "}}"),
      HasSubstr("line 1, column 37: sourceConfig.etcd.passwordFile: " + path + " is empty"));
  EXPECT_THAT(ErrorOf(key + dir.path() + "}}"), HasSubstr("Is a directory"));
  EXPECT_THAT(ErrorOf(key + dir.path() + "/no}}"), HasSubstr("No such file"));
  const std::string both = ErrorOf("sourceConfig: {etcd: {password: hush}}",
                                   {{"MILVUS_CDC_SOURCECONFIG_ETCD_PASSWORDFILE", path}});
  EXPECT_THAT(both, AllOf(HasSubstr("sourceConfig.etcd.passwordFile and sourceConfig.etcd.password "
                                    "exclude each other"),
                          Not(HasSubstr("hush"))));
}

TEST(ConfigErrorsTest, AllOfThemAreSaidWithTheirPlaces) {
  EXPECT_EQ(ErrorOf("maxTaskNum: many\nsourceConfig:\n  etcd: 5\nresponse: 1"),
            "cdc.yaml: line 3, column 9: sourceConfig.etcd must be a section with keys\n"
            "cdc.yaml: line 1, column 13: maxTaskNum must be an integer\n"
            "cdc.yaml: line 4, column 11: response can be compatible (HTTP 200, whatever the code "
            "in the body says) or real_status (the code is the HTTP status), got 1");
}

TEST(PrintConfigTest, SaysWhereEachValueComesFrom) {
  const std::string text = PrintConfig(
      Read("address: 127.0.0.1:1\nsourceConfig:\n  etcd: {address: [x]}\n  etcdAddress: [y, z]",
           {{"MILVUS_CDC_MAXTASKNUM", "7"}})
          .values);
  for (const char* line :
       {"address: 127.0.0.1:1  # file, line 1\n",
        "maxTaskNum: 7  # environment, MILVUS_CDC_MAXTASKNUM\n", "maxNameLength: 256  # default\n",
        "    address: [y, z]  # file, line 4, as sourceConfig.etcdAddress\n",
        "\nbatchMode:  # not given, no effect: "}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(PrintConfigTest, ReadAgainItIsTheSame) {
  const std::string text = PrintConfig(Read("logLevel: \"a\\\"b\\n#c: \\\\\"").values);
  const LoadedConfig again = Read(text);
  EXPECT_EQ(again.config.log_level, "a\"b\n#c: \\");
  EXPECT_THAT(again.values.warnings(), IsEmpty());
  std::string defaults = PrintConfig(again.values);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'),
            std::count(defaults.begin(), defaults.end(), '\n'));
  EXPECT_THAT(defaults, HasSubstr("sqlitePath: ./cdc.db"));
}

TEST(PrintConfigTest, SecretsAreBlanked) {
  const std::string text = PrintConfig(
      Read("sourceConfig: {etcd: {address: ['http://u:h/hush@h:1', 'u:hush@x:1', 'y:1'], "
           "password: hush}, "
           "kafka: {saslPassword: hush, consumer: {ssl.key.password: hush, a: b}}, "
           "pulsar: {authParams: 'token:hush'}, storage: {type: s3, secretAccessKey: hush}}")
          .values);
  EXPECT_THAT(text, Not(HasSubstr("hush")));
  EXPECT_THAT(text, HasSubstr("[\"http://***@h:1\", \"***@x:1\", y:1]"));
  EXPECT_THAT(text, HasSubstr("password: \"***\"  # file, line 1"));
  EXPECT_THAT(text, HasSubstr("{a: b, ssl.key.password: \"***\"}"));
}

}  // namespace
}  // namespace cdc
