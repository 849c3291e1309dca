#include "server/config.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

#include <yaml-cpp/yaml.h>

#include "server/config_keys.h"

namespace cdc {
namespace {

std::string Join(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

// Reads values from a parsed text and keeps the first error.
class ConfigReader {
 public:
  ConfigReader(const YAML::Node& root, std::string name) : root_(root), name_(std::move(name)) {}

  const Status& status() const { return status_; }

  void Fail(const std::string& message) {
    if (status_.ok()) {
      status_ = InvalidArgumentError(name_ + ": " + message);
    }
  }

  // The value at a path; nullopt if it is missing or empty.
  std::optional<YAML::Node> Find(const std::string& path) const {
    // `reset` makes a node refer to another one; an assignment would change the tree.
    YAML::Node node;
    node.reset(root_);
    size_t begin = 0;
    while (begin <= path.size()) {
      const size_t end = std::min(path.find('.', begin), path.size());
      const std::string key = path.substr(begin, end - begin);
      std::optional<YAML::Node> next;
      if (node.IsMap()) {
        for (const auto& member : node) {
          if (SameConfigKey(member.first.Scalar(), key)) {
            next.emplace(member.second);
          }
        }
      }
      if (!next || next->IsNull()) {
        return std::nullopt;
      }
      node.reset(*next);
      begin = end + 1;
    }
    return node;
  }

  void Read(const std::string& path, std::string* value) {
    if (const std::optional<YAML::Node> node = Find(path)) {
      if (!node->IsScalar()) {
        WrongType(path, "a text", *node);
        return;
      }
      *value = node->Scalar();
    }
  }

  void Read(const std::string& path, int* value) { ReadInteger(path, value); }
  void Read(const std::string& path, int64_t* value) { ReadInteger(path, value); }

  void Read(const std::string& path, bool* value) {
    const std::optional<YAML::Node> node = Find(path);
    if (!node) {
      return;
    }
    if (!node->IsScalar() || node->Tag() == "!" || !YAML::convert<bool>::decode(*node, *value)) {
      WrongType(path, "true or false", *node);
    }
  }

  // Keys with one string each. The keys may contain dots.
  void Read(const std::string& path, std::map<std::string, std::string>* value) {
    const std::optional<YAML::Node> node = Find(path);
    if (!node) {
      return;
    }
    if (!node->IsMap()) {
      WrongType(path, "a section with keys", *node);
      return;
    }
    for (const auto& member : *node) {
      if (!member.first.IsScalar() || !member.second.IsScalar()) {
        WrongType(path, "keys with one value each", *node);
        return;
      }
      (*value)[member.first.Scalar()] = member.second.Scalar();
    }
  }

  // A list, or one string with commas.
  void Read(const std::string& path, std::vector<std::string>* value) {
    const std::optional<YAML::Node> node = Find(path);
    if (!node) {
      return;
    }
    value->clear();
    if (node->IsSequence()) {
      for (const YAML::Node& element : *node) {
        if (!element.IsScalar()) {
          WrongType(path, "a list of texts", *node);
          return;
        }
        value->push_back(element.Scalar());
      }
    } else if (node->IsScalar()) {
      std::istringstream parts(node->Scalar());
      for (std::string part; std::getline(parts, part, ',');) {
        value->push_back(part);
      }
    } else {
      WrongType(path, "a list of texts", *node);
    }
  }

 private:
  template <class Integer>
  void ReadInteger(const std::string& path, Integer* value) {
    const std::optional<YAML::Node> node = Find(path);
    if (!node) {
      return;
    }
    // The tag "!" means quoted: a string, whatever it looks like.
    if (!node->IsScalar() || node->Tag() == "!" || !YAML::convert<Integer>::decode(*node, *value)) {
      WrongType(path, "an integer", *node);
    }
  }

  void WrongType(const std::string& path, const char* expected, const YAML::Node& node) {
    std::string message = path + " must be " + expected;
    if (node.Mark().line >= 0) {
      message += " (line " + std::to_string(node.Mark().line + 1) + ")";
    }
    Fail(message);
  }

  const YAML::Node root_;
  const std::string name_;
  Status status_;
};

void WarnOfKeys(const YAML::Node& node,
                const std::string& path,
                const std::string& name,
                std::vector<std::string>* warnings) {
  for (const auto& member : node) {
    const std::string key = Join(path, member.first.Scalar());
    switch (LookUpConfigKey(key)) {
      case ConfigKeyKind::kUnknown: {
        const std::string nearest = NearestConfigKey(key);
        warnings->push_back(name + ": unknown key " + key +
                            (nearest.empty() ? "" : ", did you mean " + nearest + "?"));
        break;
      }
      case ConfigKeyKind::kNoEffect:
        warnings->push_back(name + ": " + key + " has no effect");
        break;
      case ConfigKeyKind::kSection:
        if (member.second.IsMap()) {
          WarnOfKeys(member.second, key, name, warnings);
        }
        break;
      case ConfigKeyKind::kUsed: break;
    }
  }
}

void CheckSections(ConfigReader* reader) {
  for (const char* section :
       {"retry", "snapshot", "testing", "metaStoreConfig", "metaStoreConfig.etcd", "sourceConfig",
        "sourceConfig.etcd", "sourceConfig.rocksmq", "sourceConfig.kafka", "sourceConfig.pulsar",
        "sourceConfig.storage", "sourceConfig.milvus", "sourceConfig.woodpecker",
        "sourceConfig.woodpecker.storage", "sourceConfig.woodpecker.meta"}) {
    const std::optional<YAML::Node> node = reader->Find(section);
    if (node && !node->IsMap()) {
      reader->Fail(std::string(section) + " must be a section with keys");
    }
  }
}

// Refuses what a file may request but this version cannot do: doing something else instead would be
// worse than not starting.
void RefuseUnsupported(ConfigReader* reader) {
  bool dry_run = false;
  reader->Read("dryRun", &dry_run);
  if (dry_run) {
    reader->Fail("dryRun is not supported yet");
  }
  std::string replicate_id;
  reader->Read("replicateID", &replicate_id);
  if (!replicate_id.empty()) {
    reader->Fail("replicateID is not supported yet");
  }
}

void ReadResponse(ConfigReader* reader, bool* real_status) {
  std::string response = "compatible";
  reader->Read("response", &response);
  *real_status = SameConfigKey(response, "real_status");
  if (!*real_status && !SameConfigKey(response, "compatible")) {
    reader->Fail(
        "response can be compatible (HTTP 200, whatever the code in the body says) or "
        "real_status (the code is the HTTP status), got " +
        response);
  }
}

// What both kinds of etcd have, in the section.
void ReadEtcdConnection(ConfigReader* reader, const std::string& section, EtcdConfig* etcd) {
  reader->Read(section + "address", &etcd->address);
  reader->Read(section + "enableAuth", &etcd->enable_auth);
  reader->Read(section + "username", &etcd->username);
  reader->Read(section + "password", &etcd->password);
  reader->Read(section + "enableTLS", &etcd->enable_tls);
  reader->Read(section + "tlsCertPath", &etcd->tls_cert_path);
  reader->Read(section + "tlsKeyPath", &etcd->tls_key_path);
  reader->Read(section + "tlsCACertPath", &etcd->tls_ca_cert_path);
}

void CheckEtcdAddress(ConfigReader* reader, const std::string& section, EtcdConfig* etcd) {
  std::erase(etcd->address, "");
  if (etcd->address.empty()) {
    reader->Fail(section + "address is empty");
  }
}

void ReadSourceEtcd(ConfigReader* reader, EtcdConfig* etcd) {
  const std::string section = "sourceConfig.etcd.";
  ReadEtcdConnection(reader, section, etcd);
  reader->Read(section + "rootPath", &etcd->root_path);
  reader->Read(section + "metaSubPath", &etcd->meta_sub_path);
  // The older form: as soon as the address is given, its three keys replace the new ones.
  if (reader->Find("sourceConfig.etcdAddress")) {
    reader->Read("sourceConfig.etcdAddress", &etcd->address);
    reader->Read("sourceConfig.etcdRootPath", &etcd->root_path);
    reader->Read("sourceConfig.etcdMetaSubPath", &etcd->meta_sub_path);
  }
  CheckEtcdAddress(reader, section, etcd);
}

void ReadMetaStore(ConfigReader* reader, MetaStoreConfig* store) {
  const std::string section = "metaStoreConfig.";
  std::string type = "sqlite";
  reader->Read(section + "storeType", &type);
  if (SameConfigKey(type, "etcd")) {
    store->type = MetaStoreConfig::Type::kEtcd;
  } else if (SameConfigKey(type, "mysql")) {
    reader->Fail(section + "storeType " + type + " is not supported yet, use etcd or sqlite");
  } else if (!SameConfigKey(type, "sqlite")) {
    reader->Fail(section + "storeType can be etcd or sqlite, got " + type);
  }
  reader->Read(section + "sqlitePath", &store->sqlite_path);
  if (store->sqlite_path.empty()) {
    reader->Fail(section + "sqlitePath must not be empty");
  }
  reader->Read(section + "rootPath", &store->root_path);
  ReadEtcdConnection(reader, section + "etcd.", &store->etcd);
  // The older form: a list of addresses without credentials.
  if (reader->Find(section + "etcdEndpoints")) {
    store->etcd = EtcdConfig();
    reader->Read(section + "etcdEndpoints", &store->etcd.address);
  }
  if (store->type == MetaStoreConfig::Type::kEtcd) {
    CheckEtcdAddress(reader, section + "etcd.", &store->etcd);
  }
}

void ReadKafka(ConfigReader* reader, KafkaConfig* kafka) {
  const std::string section = "sourceConfig.kafka.";
  reader->Read(section + "address", &kafka->address);
  reader->Read(section + "saslUsername", &kafka->sasl_username);
  reader->Read(section + "saslPassword", &kafka->sasl_password);
  reader->Read(section + "saslMechanisms", &kafka->sasl_mechanisms);
  reader->Read(section + "securityProtocol", &kafka->security_protocol);
  reader->Read(section + "consumer", &kafka->consumer);
}

// By name; Milvus' own ones, too.
std::optional<StorageConfig::Type> StorageTypeOf(const std::string& name) {
  using Type = StorageConfig::Type;
  static constexpr std::pair<const char*, Type> kTypes[] = {
      {"", Type::kNone},    {"local", Type::kLocal}, {"s3", Type::kS3},
      {"minio", Type::kS3}, {"remote", Type::kS3},   {"azure", Type::kAzure},
      {"gcs", Type::kGcs},  {"gcp", Type::kGcs},     {"gcpnative", Type::kGcs},
  };
  for (const auto& [known, type] : kTypes) {
    if (SameConfigKey(name, known)) {
      return type;
    }
  }
  return std::nullopt;
}

// "key:value,key:value": the first colon counts, so that a value may be a URL.
void ReadAuthParams(ConfigReader* reader,
                    const std::string& key,
                    std::map<std::string, std::string>* params) {
  std::string text;
  reader->Read(key, &text);
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    const size_t colon = part.find(':');
    if (colon == std::string::npos || colon == 0) {
      reader->Fail(key +
                   " must be key:value, several separated by commas; what has a comma itself "
                   "goes into a file (file://...)");
      return;
    }
    (*params)[part.substr(0, colon)] = part.substr(colon + 1);
  }
}

void ReadPulsar(ConfigReader* reader, PulsarConfig* pulsar) {
  const std::string section = "sourceConfig.pulsar.";
  reader->Read(section + "address", &pulsar->address);
  reader->Read(section + "tenant", &pulsar->tenant);
  reader->Read(section + "namespace", &pulsar->name_space);
  reader->Read(section + "authPlugin", &pulsar->auth_plugin);
  ReadAuthParams(reader, section + "authParams", &pulsar->auth_params);
  reader->Read(section + "tlsCACertPath", &pulsar->tls_ca_cert_path);
  reader->Read(section + "library", &pulsar->library);
}

void ReadStorage(ConfigReader* reader, StorageConfig* storage) {
  const std::string section = "sourceConfig.storage.";
  std::string type;
  reader->Read(section + "type", &type);
  if (const auto known = StorageTypeOf(type)) {
    storage->type = *known;
  } else {
    reader->Fail(section + "type can be local, s3 (minio, remote), azure or gcs (gcp), got " +
                 type);
  }
  reader->Read(section + "path", &storage->path);
  reader->Read(section + "address", &storage->address);
  if (type.empty() && !storage->address.empty()) {
    reader->Fail(section + "type is missing: local, s3, azure or gcs");
  }
  reader->Read(section + "bucketName", &storage->bucket);
  reader->Read(section + "rootPath", &storage->root_path);
  reader->Read(section + "accessKeyID", &storage->access_key_id);
  reader->Read(section + "secretAccessKey", &storage->secret_access_key);
  reader->Read(section + "gcpCredentialJSON", &storage->gcp_credential_json);
  storage->use_ssl =
      storage->type == StorageConfig::Type::kAzure || storage->type == StorageConfig::Type::kGcs;
  reader->Read(section + "useSSL", &storage->use_ssl);
  reader->Read(section + "sslCACert", &storage->ssl_ca_cert);
  reader->Read(section + "region", &storage->region);
  reader->Read(section + "useVirtualHost", &storage->use_virtual_host);
}

void ReadWoodpecker(ConfigReader* reader, const Config& config, WoodpeckerConfig* woodpecker) {
  const std::string section = "sourceConfig.woodpecker.";
  std::string type;
  reader->Read(section + "storage.type", &type);
  woodpecker->enabled = !type.empty();
  woodpecker->objects = SameConfigKey(type, "minio") || SameConfigKey(type, "default");
  if (woodpecker->objects && config.storage.type != StorageConfig::Type::kS3) {
    reader->Fail(section +
                 "storage.type minio needs sourceConfig.storage, the source's bucket, of type s3");
  } else if (woodpecker->enabled && !woodpecker->objects && !SameConfigKey(type, "local")) {
    reader->Fail(section + "storage.type can be minio (default) or local, got " + type);
  }
  reader->Read(section + "storage.rootPath", &woodpecker->root_path);
  // What it stands for is in another setting of Milvus.
  if (SameConfigKey(woodpecker->root_path, "default")) {
    woodpecker->root_path.clear();
  }
  reader->Read(section + "meta.prefix", &woodpecker->meta_prefix);
  bool experimental = false;
  reader->Read(section + "experimental", &experimental);
  if (!woodpecker->enabled) {
    return;
  }
  if (!experimental) {
    reader->Fail(section +
                 "experimental must be true to read Woodpecker: it has been seen with files of "
                 "Milvus' library only, not with a server (docs/versions.md)");
  }
  if (!config.pulsar.address.empty() || !config.kafka.address.empty()) {
    reader->Fail(section + "storage.type and an address of sourceConfig.kafka or " +
                 "sourceConfig.pulsar exclude each other: a source has one queue");
  }
}

void ReadSnapshot(ConfigReader* reader, SnapshotConfig* snapshot) {
  constexpr int kMostParallel = 64;
  reader->Read("snapshot.queueHoldsMinutes", &snapshot->queue_holds_minutes);
  if (snapshot->queue_holds_minutes < 1) {
    reader->Fail("snapshot.queueHoldsMinutes must be at least 1, got " +
                 std::to_string(snapshot->queue_holds_minutes));
  }
  reader->Read("snapshot.maxParallel", &snapshot->max_parallel);
  if (snapshot->max_parallel < 1 || snapshot->max_parallel > kMostParallel) {
    reader->Fail("snapshot.maxParallel must be from 1 to " + std::to_string(kMostParallel) +
                 ", got " + std::to_string(snapshot->max_parallel));
  }
  reader->Read("snapshot.maxBytesPerSecond", &snapshot->max_bytes_per_second);
  if (snapshot->max_bytes_per_second < 0) {
    reader->Fail("snapshot.maxBytesPerSecond must not be negative; 0 is without limit");
  }
}

void ReadSourceMilvus(ConfigReader* reader, SourceMilvusConfig* milvus) {
  const std::string section = "sourceConfig.milvus.";
  reader->Read(section + "address", &milvus->address);
  reader->Read(section + "username", &milvus->username);
  reader->Read(section + "password", &milvus->password);
  reader->Read(section + "token", &milvus->token);
  reader->Read(section + "enableTLS", &milvus->enable_tls);
  reader->Read(section + "tlsServerName", &milvus->tls_server_name);
  reader->Read(section + "tlsCertPath", &milvus->tls_cert_path);
  reader->Read(section + "tlsKeyPath", &milvus->tls_key_path);
  reader->Read(section + "tlsCACertPath", &milvus->tls_ca_cert_path);
  if (!milvus->token.empty() && !milvus->username.empty()) {
    reader->Fail(section + "token and " + section + "username exclude each other");
  }
  if (!milvus->password.empty() && milvus->username.empty()) {
    reader->Fail(section + "password needs " + section + "username");
  }
}

// In seconds; 0 selects the default. The number of retries is read and checked but has no effect:
// transient errors are retried until they pass.
void ReadRetry(ConfigReader* reader, BackoffOptions* retry) {
  const auto read = [reader](const char* path, std::chrono::milliseconds* value) {
    int number = 0;
    reader->Read(path, &number);
    if (number < 0) {
      reader->Fail(std::string(path) + " must not be negative");
    }
    if (number > 0) {
      *value = std::chrono::seconds(number);
    }
  };
  std::chrono::milliseconds times{};
  read("retry.retryTimes", &times);
  read("retry.initBackOff", &retry->initial);
  read("retry.maxBackOff", &retry->max);
  // The default maximum gives way to a larger initial value; one that is set does not.
  if (retry->max == BackoffOptions().max) {
    retry->max = std::max(retry->max, retry->initial);
  }
  if (retry->initial > retry->max) {
    reader->Fail("retry.initBackOff must not be greater than retry.maxBackOff");
  }
}

// "<name of a fault point>:<pass>"
void ReadKillAt(ConfigReader* reader,
                const std::string& name,
                TestingConfig* testing,
                std::vector<std::string>* warnings) {
  std::string kill_at;
  reader->Read("testing.killAt", &kill_at);
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
    reader->Fail("testing.killAt must be a fault point and a number from 1, like after_send:3");
    return;
  }
  warnings->push_back(name + ": testing.killAt is for tests: the server kills itself at " +
                      kill_at);
}

Result<LoadedConfig> ReadConfig(const YAML::Node& root, const std::string& name) {
  LoadedConfig loaded;
  if (root.IsNull()) {
    return loaded;
  }
  if (!root.IsMap()) {
    return InvalidArgumentError(name + ": the file must hold keys with values");
  }
  ConfigReader reader(root, name);
  Config& config = loaded.config;
  CheckSections(&reader);
  RefuseUnsupported(&reader);
  reader.Read("address", &config.address);
  reader.Read("maxTaskNum", &config.max_task_num);
  reader.Read("maxNameLength", &config.max_name_length);
  reader.Read("logLevel", &config.log_level);
  ReadResponse(&reader, &config.real_status);
  ReadMetaStore(&reader, &config.meta_store);
  ReadSourceEtcd(&reader, &config.source_etcd);
  ReadPulsar(&reader, &config.pulsar);
  ReadKafka(&reader, &config.kafka);
  if (!config.pulsar.address.empty() && !config.kafka.address.empty()) {
    loaded.warnings.push_back(name + ": sourceConfig.pulsar is used, sourceConfig.kafka is not");
  }
  reader.Read("sourceConfig.rocksmq.path", &config.rocksmq_path);
  ReadStorage(&reader, &config.storage);
  ReadWoodpecker(&reader, config, &config.woodpecker);
  ReadSourceMilvus(&reader, &config.source_milvus);
  reader.Read("sourceConfig.replicateChan", &config.replicate_channel);
  ReadSnapshot(&reader, &config.snapshot);
  ReadRetry(&reader, &config.retry);
  ReadKillAt(&reader, name, &config.testing, &loaded.warnings);
  reader.Read("testing.forgetDoubts", &config.testing.forget_doubts);
  if (config.testing.forget_doubts) {
    loaded.warnings.push_back(name + ": testing.forgetDoubts is for tests: a crash doubles rows");
  }
  reader.Read("replicate.keepTickingWhenPaused", &config.keep_ticking_when_paused);
  if (config.max_task_num < 0) {
    reader.Fail("maxTaskNum must not be negative");
  }
  if (config.max_name_length <= 0) {
    reader.Fail("maxNameLength must be positive");
  }
  if (config.address.empty() || config.rocksmq_path.empty()) {
    reader.Fail("address and sourceConfig.rocksmq.path must not be empty");
  }
  CDC_RETURN_IF_ERROR(reader.status());
  WarnOfKeys(root, "", name, &loaded.warnings);
  return loaded;
}

}  // namespace

Result<LoadedConfig> ParseConfig(const std::string& text, const std::string& name) {
  try {
    return ReadConfig(YAML::Load(text), name);
  } catch (const YAML::Exception& error) {
    std::string message = name;
    if (error.mark.line >= 0) {
      message += ": line " + std::to_string(error.mark.line + 1) + ", column " +
                 std::to_string(error.mark.column + 1);
    }
    return InvalidArgumentError(message + ": " + error.msg);
  }
}

Result<LoadedConfig> LoadConfig(const std::string& path) {
  errno = 0;
  std::ifstream file(path);
  if (!file) {
    // The default file may be missing; main refuses a missing --config.
    if (errno == ENOENT) {
      return ParseConfig("", path);
    }
    return InvalidArgumentError(path + ": cannot be read: " + std::strerror(errno));
  }
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return InvalidArgumentError(path + ": is a folder");
  }
  std::ostringstream text;
  text << file.rdbuf();
  return ParseConfig(text.str(), path);
}

}  // namespace cdc
