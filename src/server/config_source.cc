#include "server/config_source.h"

#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "server/config_keys.h"

namespace cdc {
namespace {

void ReadSourceEtcd(ConfigValues* values, EtcdConfig* etcd) {
  const std::string section = "sourceConfig.etcd.";
  ReadEtcdConnection(values, section, etcd);
  values->Read(section + "rootPath", &etcd->root_path);
  values->Read(section + "metaSubPath", &etcd->meta_sub_path);
  CheckEtcdAddress(values, section, etcd);
}

void ReadKafka(ConfigValues* values, KafkaConfig* kafka) {
  const std::string section = "sourceConfig.kafka.";
  values->Read(section + "address", &kafka->address);
  values->Read(section + "saslUsername", &kafka->sasl_username);
  values->Read(section + "saslPassword", &kafka->sasl_password);
  values->Read(section + "saslMechanisms", &kafka->sasl_mechanisms);
  values->Read(section + "securityProtocol", &kafka->security_protocol);
  values->Read(section + "consumer", &kafka->consumer);
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
void ReadAuthParams(ConfigValues* values,
                    const std::string& key,
                    std::map<std::string, std::string>* params) {
  std::string text;
  values->Read(key, &text);
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    const size_t colon = part.find(':');
    if (colon == std::string::npos || colon == 0) {
      values->Fail(key,
                   "must be key:value, several separated by commas; what has a comma itself "
                   "goes into a file (file://...)");
      return;
    }
    (*params)[part.substr(0, colon)] = part.substr(colon + 1);
  }
}

void ReadPulsar(ConfigValues* values, PulsarConfig* pulsar) {
  const std::string section = "sourceConfig.pulsar.";
  values->Read(section + "address", &pulsar->address);
  values->Read(section + "tenant", &pulsar->tenant);
  values->Read(section + "namespace", &pulsar->name_space);
  values->Read(section + "authPlugin", &pulsar->auth_plugin);
  ReadAuthParams(values, section + "authParams", &pulsar->auth_params);
  values->Read(section + "tlsCACertPath", &pulsar->tls_ca_cert_path);
  values->Read(section + "library", &pulsar->library);
}

void ReadStorage(ConfigValues* values, StorageConfig* storage) {
  const std::string section = "sourceConfig.storage.";
  std::string type;
  values->Read(section + "type", &type);
  if (const auto known = StorageTypeOf(type)) {
    storage->type = *known;
  } else {
    values->Fail(section + "type",
                 "can be local, s3 (minio, remote), azure or gcs (gcp), got " + type);
  }
  values->Read(section + "path", &storage->path);
  values->Read(section + "address", &storage->address);
  if (type.empty() && !storage->address.empty()) {
    values->Fail(section + "type", "is missing: local, s3, azure or gcs");
  }
  values->Read(section + "bucketName", &storage->bucket);
  values->Read(section + "rootPath", &storage->root_path);
  values->Read(section + "accessKeyID", &storage->access_key_id);
  values->Read(section + "secretAccessKey", &storage->secret_access_key);
  values->Read(section + "gcpCredentialJSON", &storage->gcp_credential_json);
  storage->use_ssl =
      storage->type == StorageConfig::Type::kAzure || storage->type == StorageConfig::Type::kGcs;
  values->Read(section + "useSSL", &storage->use_ssl);
  values->Read(section + "sslCACert", &storage->ssl_ca_cert);
  values->Read(section + "region", &storage->region);
  values->Read(section + "useVirtualHost", &storage->use_virtual_host);
}

void ReadWoodpecker(ConfigValues* values, const Config& config, WoodpeckerConfig* woodpecker) {
  const std::string section = "sourceConfig.woodpecker.";
  std::string type;
  values->Read(section + "storage.type", &type);
  woodpecker->enabled = !type.empty();
  woodpecker->objects = SameConfigKey(type, "minio") || SameConfigKey(type, "default");
  if (woodpecker->objects && config.storage.type != StorageConfig::Type::kS3) {
    values->Fail(section + "storage.type",
                 "minio needs sourceConfig.storage, the source's bucket, of type s3");
  } else if (woodpecker->enabled && !woodpecker->objects && !SameConfigKey(type, "local")) {
    values->Fail(section + "storage.type", "can be minio (default) or local, got " + type);
  }
  std::string root_path = "default";
  values->Read(section + "storage.rootPath", &root_path);
  // What "default" stands for is in another setting of Milvus.
  woodpecker->root_path = SameConfigKey(root_path, "default") ? "" : root_path;
  values->Read(section + "meta.prefix", &woodpecker->meta_prefix);
  bool experimental = false;
  values->Read(section + "experimental", &experimental);
  if (!woodpecker->enabled) {
    return;
  }
  if (!experimental) {
    values->Fail(section + "experimental",
                 "must be true to read Woodpecker: it has been seen with files of "
                 "Milvus' library only, not with a server (docs/versions.md)");
  }
  if (!config.pulsar.address.empty() || !config.kafka.address.empty()) {
    values->Fail(
        section + "storage.type",
        "and an address of sourceConfig.kafka or sourceConfig.pulsar exclude each other: a source "
        "has one queue");
  }
}

void ReadSourceMilvus(ConfigValues* values, SourceMilvusConfig* milvus) {
  const std::string section = "sourceConfig.milvus.";
  values->Read(section + "address", &milvus->address);
  values->Read(section + "username", &milvus->username);
  values->Read(section + "password", &milvus->password);
  values->Read(section + "token", &milvus->token);
  values->Read(section + "enableTLS", &milvus->enable_tls);
  values->Read(section + "tlsServerName", &milvus->tls_server_name);
  values->Read(section + "tlsCertPath", &milvus->tls_cert_path);
  values->Read(section + "tlsKeyPath", &milvus->tls_key_path);
  values->Read(section + "tlsCACertPath", &milvus->tls_ca_cert_path);
  if (!milvus->token.empty() && !milvus->username.empty()) {
    values->Fail(section + "token", "and " + section + "username exclude each other");
  }
  if (!milvus->password.empty() && milvus->username.empty()) {
    values->Fail(section + "password", "needs " + section + "username");
  }
}

}  // namespace

void ReadEtcdConnection(ConfigValues* values, const std::string& section, EtcdConfig* etcd) {
  values->Read(section + "address", &etcd->address);
  values->Read(section + "enableAuth", &etcd->enable_auth);
  values->Read(section + "username", &etcd->username);
  values->Read(section + "password", &etcd->password);
  values->Read(section + "enableTLS", &etcd->enable_tls);
  values->Read(section + "tlsCertPath", &etcd->tls_cert_path);
  values->Read(section + "tlsKeyPath", &etcd->tls_key_path);
  values->Read(section + "tlsCACertPath", &etcd->tls_ca_cert_path);
  std::string min_version;
  values->Read(section + "tlsMinVersion", &min_version);
  if (!etcd->enable_tls) {
    return;
  }
  etcd->tls_13_only = min_version == "1.3";
  if (min_version == "1.0" || min_version == "1.1") {
    values->Note(section + "tlsMinVersion", "is " + min_version + ", at least TLS 1.2 is used");
  } else if (!min_version.empty() && min_version != "1.2" && !etcd->tls_13_only) {
    values->Fail(section + "tlsMinVersion", "can be 1.0, 1.1, 1.2 or 1.3, got " + min_version);
  }
}

void CheckEtcdAddress(ConfigValues* values, const std::string& section, EtcdConfig* etcd) {
  std::erase(etcd->address, "");
  if (etcd->address.empty()) {
    values->Fail(section + "address", "is empty");
  }
}

void ReadSource(ConfigValues* values, Config* config) {
  ReadSourceEtcd(values, &config->source_etcd);
  ReadPulsar(values, &config->pulsar);
  ReadKafka(values, &config->kafka);
  if (!config->pulsar.address.empty() && !config->kafka.address.empty()) {
    values->Warn("sourceConfig.pulsar is used, sourceConfig.kafka is not");
  }
  values->Read("sourceConfig.rocksmq.path", &config->rocksmq_path);
  if (config->rocksmq_path.empty()) {
    values->Fail("sourceConfig.rocksmq.path", "must not be empty");
  }
  ReadStorage(values, &config->storage);
  ReadWoodpecker(values, *config, &config->woodpecker);
  ReadSourceMilvus(values, &config->source_milvus);
  values->Read("sourceConfig.replicateChan", &config->replicate_channel);
}

}  // namespace cdc
