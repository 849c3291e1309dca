#include "server/config.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "server/config_http.h"
#include "server/config_keys.h"
#include "server/config_source.h"

namespace cdc {
namespace {

// Refuses what a file may request but this version cannot do: doing something else instead would be
// worse than not starting.
void RefuseUnsupported(ConfigValues* values) {
  std::string replicate_id;
  values->Read("replicateID", &replicate_id);
  if (!replicate_id.empty()) {
    values->Fail("replicateID", "is not supported yet");
  }
}

void ReadResponse(ConfigValues* values, bool* real_status) {
  std::string response = "compatible";
  values->Read("response", &response);
  *real_status = SameConfigKey(response, "real_status");
  if (!*real_status && !SameConfigKey(response, "compatible")) {
    values->Fail("response",
                 "can be compatible (HTTP 200, whatever the code in the body says) or real_status "
                 "(the code is the HTTP status), got " +
                     response);
  }
}

void ReadLog(ConfigValues* values, LogConfig* log) {
  constexpr int kMostMegabytes = 1'000'000;
  constexpr int kMostFiles = 1'000;
  values->Read("log.path", &log->path);
  values->Read("log.maxSizeMB", &log->max_size_mb);
  if (log->max_size_mb < 1 || log->max_size_mb > kMostMegabytes) {
    values->Fail("log.maxSizeMB", "must be from 1 to " + std::to_string(kMostMegabytes) + ", got " +
                                      std::to_string(log->max_size_mb));
  }
  values->Read("log.maxFiles", &log->max_files);
  if (log->max_files < 1 || log->max_files > kMostFiles) {
    values->Fail("log.maxFiles", "must be from 1 to " + std::to_string(kMostFiles) + ", got " +
                                     std::to_string(log->max_files));
  }
  std::string format = "text";
  values->Read("log.format", &format);
  log->json = SameConfigKey(format, "json");
  if (!log->json && !SameConfigKey(format, "text")) {
    values->Fail("log.format", "can be text or json, got " + format);
  }
}

void ReadMysqlUrl(ConfigValues* values, const std::string& key, MetaStoreConfig* store) {
  std::string text;
  values->Read(key, &text);
  if (store->type != MetaStoreConfig::Type::kMysql) {
    return;
  }
  Result<MysqlUrl> url = ParseMysqlUrl(text);
  if (!url.ok()) {
    values->Fail(key, url.status().message());
    return;
  }
  for (const std::string& parameter : url->ignored) {
    values->Warn(key + ": the parameter " + parameter + " has no effect");
  }
  store->mysql = std::move(url->options);
}

void ReadMetaStore(ConfigValues* values, MetaStoreConfig* store) {
  const std::string section = "metaStoreConfig.";
  std::string type = "sqlite";
  values->Read(section + "storeType", &type);
  if (SameConfigKey(type, "etcd")) {
    store->type = MetaStoreConfig::Type::kEtcd;
  } else if (SameConfigKey(type, "mysql")) {
    store->type = MetaStoreConfig::Type::kMysql;
  } else if (!SameConfigKey(type, "sqlite")) {
    values->Fail(section + "storeType", "can be sqlite, etcd or mysql, got " + type);
  }
  values->Read(section + "keyFile", &store->key_file);
  values->Read(section + "sqlitePath", &store->sqlite_path);
  if (store->sqlite_path.empty()) {
    values->Fail(section + "sqlitePath", "must not be empty");
  }
  values->Read(section + "rootPath", &store->root_path);
  ReadMysqlUrl(values, section + "mysqlSourceUrl", store);
  ReadEtcdConnection(values, section + "etcd.", &store->etcd);
  if (store->type == MetaStoreConfig::Type::kEtcd) {
    CheckEtcdAddress(values, section + "etcd.", &store->etcd);
  }
}

void ReadSnapshot(ConfigValues* values, SnapshotConfig* snapshot) {
  constexpr int kMostParallel = 64;
  values->Read("snapshot.queueHoldsMinutes", &snapshot->queue_holds_minutes);
  if (snapshot->queue_holds_minutes < 1) {
    values->Fail("snapshot.queueHoldsMinutes",
                 "must be at least 1, got " + std::to_string(snapshot->queue_holds_minutes));
  }
  values->Read("snapshot.maxParallel", &snapshot->max_parallel);
  if (snapshot->max_parallel < 1 || snapshot->max_parallel > kMostParallel) {
    values->Fail("snapshot.maxParallel", "must be from 1 to " + std::to_string(kMostParallel) +
                                             ", got " + std::to_string(snapshot->max_parallel));
  }
  values->Read("snapshot.maxBytesPerSecond", &snapshot->max_bytes_per_second);
  if (snapshot->max_bytes_per_second < 0) {
    values->Fail("snapshot.maxBytesPerSecond", "must not be negative; 0 is without limit");
  }
}

// In seconds; 0 selects the default.
void ReadRetry(ConfigValues* values, BackoffOptions* retry) {
  const auto read = [values](const char* path, std::chrono::milliseconds* value) {
    int number = 0;
    values->Read(path, &number);
    if (number < 0) {
      values->Fail(path, "must not be negative");
    }
    if (number > 0) {
      *value = std::chrono::seconds(number);
    }
  };
  read("retry.initBackOff", &retry->initial);
  read("retry.maxBackOff", &retry->max);
  // The default maximum gives way to a larger initial value; one that is set does not.
  if (retry->max == BackoffOptions().max) {
    retry->max = std::max(retry->max, retry->initial);
  }
  if (retry->initial > retry->max) {
    values->Fail("retry.initBackOff", "must not be greater than retry.maxBackOff");
  }
}

// "<name of a fault point>:<pass>"
void ReadKillAt(ConfigValues* values, TestingConfig* testing) {
  std::string kill_at;
  values->Read("testing.killAt", &kill_at);
  if (kill_at.empty()) {
    return;
  }
  const size_t colon = std::min(kill_at.rfind(':'), kill_at.size());
  testing->kill_at = kill_at.substr(0, colon);
  const std::string pass = kill_at.substr(std::min(colon + 1, kill_at.size()));
  const char* const end = pass.data() + pass.size();
  const auto read = std::from_chars(pass.data(), end, testing->kill_at_pass);
  if (testing->kill_at.empty() || read.ec != std::errc() || read.ptr != end ||
      testing->kill_at_pass < 1) {
    values->Fail("testing.killAt", "must be a fault point and a number from 1, like after_send:3");
    return;
  }
  values->Warn("testing.killAt is for tests: the server kills itself at " + kill_at);
}

void ReadTesting(ConfigValues* values, TestingConfig* testing) {
  ReadKillAt(values, testing);
  values->Read("testing.forgetDoubts", &testing->forget_doubts);
  if (testing->forget_doubts) {
    values->Warn("testing.forgetDoubts is for tests: a crash doubles rows");
  }
}

}  // namespace

Result<LoadedConfig> ParseConfig(const std::string& text,
                                 const std::string& name,
                                 const Environment& environment) {
  LoadedConfig loaded{.values = ConfigValues::Collect(text, name, environment)};
  ConfigValues* const values = &loaded.values;
  Config& config = loaded.config;
  RefuseUnsupported(values);
  values->Read("address", &config.address);
  if (config.address.empty()) {
    values->Fail("address", "must not be empty");
  }
  values->Read("maxTaskNum", &config.max_task_num);
  if (config.max_task_num < 0) {
    values->Fail("maxTaskNum", "must not be negative");
  }
  values->Read("maxNameLength", &config.max_name_length);
  if (config.max_name_length <= 0) {
    values->Fail("maxNameLength", "must be positive");
  }
  values->Read("logLevel", &config.log_level);
  ReadLog(values, &config.log);
  ReadHttp(values, &config.http);
  ReadResponse(values, &config.real_status);
  ReadMetaStore(values, &config.meta_store);
  ReadSource(values, &config);
  ReadSnapshot(values, &config.snapshot);
  ReadRetry(values, &config.retry);
  ReadTesting(values, &config.testing);
  values->Read("dryRun", &config.dry_run);
  if (config.dry_run) {
    values->Warn("dryRun is set: no task writes anything to its target, nor saves a position");
  }
  values->Read("experimental", &config.experimental);
  values->Read("replicate.keepTickingWhenPaused", &config.keep_ticking_when_paused);
  CDC_RETURN_IF_ERROR(values->status());
  return loaded;
}

Result<LoadedConfig> LoadConfig(const std::string& path, const Environment& environment) {
  std::error_code error;
  // The default file may be missing; main refuses a missing --config.
  if (!std::filesystem::exists(path, error) && !error) {
    return ParseConfig("", path, environment);
  }
  const Result<std::string> text = ReadFile(path);
  if (!text.ok()) {
    return text.status();
  }
  return ParseConfig(*text, path, environment);
}

}  // namespace cdc
