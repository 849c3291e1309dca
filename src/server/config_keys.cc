#include "server/config_keys.h"

#include <algorithm>
#include <array>
#include <vector>

namespace cdc {
namespace {

struct KnownKey {
  std::string_view path;
  ConfigKeyKind kind;
};

constexpr auto kUsed = ConfigKeyKind::kUsed;
constexpr auto kSection = ConfigKeyKind::kSection;
constexpr auto kNoEffect = ConfigKeyKind::kNoEffect;

constexpr auto kKnownKeys = std::to_array<KnownKey>({
    {"address", kUsed},
    {"maxTaskNum", kUsed},
    {"maxNameLength", kUsed},
    {"logLevel", kUsed},
    {"response", kUsed},
    {"dryRun", kUsed},
    {"replicateID", kUsed},
    {"detectDeadLock", kNoEffect},
    {"batchMode", kNoEffect},
    {"enableReverse", kNoEffect},
    {"reverseMilvus", kNoEffect},
    {"currentMilvus", kNoEffect},
    {"retry", kSection},
    {"retry.retryTimes", kNoEffect},
    {"retry.initBackOff", kUsed},
    {"retry.maxBackOff", kUsed},
    {"replicate", kSection},
    {"replicate.keepTickingWhenPaused", kUsed},
    {"snapshot", kSection},
    {"snapshot.maxParallel", kUsed},
    {"snapshot.queueHoldsMinutes", kUsed},
    {"snapshot.maxBytesPerSecond", kUsed},
    {"packer", kNoEffect},
    {"testing", kSection},
    {"testing.forgetDoubts", kUsed},
    {"testing.killAt", kUsed},
    {"metaStoreConfig", kSection},
    {"metaStoreConfig.storeType", kUsed},
    {"metaStoreConfig.sqlitePath", kUsed},
    {"metaStoreConfig.rootPath", kUsed},
    {"metaStoreConfig.etcd", kSection},
    {"metaStoreConfig.etcd.address", kUsed},
    {"metaStoreConfig.etcd.rootPath", kNoEffect},
    {"metaStoreConfig.etcd.metaSubPath", kNoEffect},
    {"metaStoreConfig.etcd.enableAuth", kUsed},
    {"metaStoreConfig.etcd.username", kUsed},
    {"metaStoreConfig.etcd.password", kUsed},
    {"metaStoreConfig.etcd.enableTLS", kUsed},
    {"metaStoreConfig.etcd.tlsCertPath", kUsed},
    {"metaStoreConfig.etcd.tlsKeyPath", kUsed},
    {"metaStoreConfig.etcd.tlsCACertPath", kUsed},
    {"metaStoreConfig.etcd.tlsMinVersion", kNoEffect},
    {"metaStoreConfig.etcdEndpoints", kUsed},
    {"metaStoreConfig.mysqlSourceUrl", kNoEffect},
    {"sourceConfig", kSection},
    {"sourceConfig.etcd", kSection},
    {"sourceConfig.etcd.address", kUsed},
    {"sourceConfig.etcd.rootPath", kUsed},
    {"sourceConfig.etcd.metaSubPath", kUsed},
    {"sourceConfig.etcd.enableAuth", kUsed},
    {"sourceConfig.etcd.username", kUsed},
    {"sourceConfig.etcd.password", kUsed},
    {"sourceConfig.etcd.enableTLS", kUsed},
    {"sourceConfig.etcd.tlsCertPath", kUsed},
    {"sourceConfig.etcd.tlsKeyPath", kUsed},
    {"sourceConfig.etcd.tlsCACertPath", kUsed},
    {"sourceConfig.etcd.tlsMinVersion", kNoEffect},
    {"sourceConfig.etcdAddress", kUsed},
    {"sourceConfig.etcdRootPath", kUsed},
    {"sourceConfig.etcdMetaSubPath", kUsed},
    {"sourceConfig.readChanLen", kNoEffect},
    {"sourceConfig.channelNum", kNoEffect},
    {"sourceConfig.timeTickInterval", kNoEffect},
    {"sourceConfig.defaultPartitionName", kNoEffect},
    {"sourceConfig.replicateChan", kUsed},
    {"sourceConfig.rocksmq", kSection},
    {"sourceConfig.rocksmq.path", kUsed},
    {"sourceConfig.storage", kSection},
    {"sourceConfig.storage.type", kUsed},
    {"sourceConfig.storage.path", kUsed},
    {"sourceConfig.storage.address", kUsed},
    {"sourceConfig.storage.bucketName", kUsed},
    {"sourceConfig.storage.rootPath", kUsed},
    {"sourceConfig.storage.accessKeyID", kUsed},
    {"sourceConfig.storage.secretAccessKey", kUsed},
    {"sourceConfig.storage.gcpCredentialJSON", kUsed},
    {"sourceConfig.storage.useSSL", kUsed},
    {"sourceConfig.storage.sslCACert", kUsed},
    {"sourceConfig.storage.region", kUsed},
    {"sourceConfig.storage.useVirtualHost", kUsed},
    {"sourceConfig.milvus", kSection},
    {"sourceConfig.milvus.address", kUsed},
    {"sourceConfig.milvus.username", kUsed},
    {"sourceConfig.milvus.password", kUsed},
    {"sourceConfig.milvus.token", kUsed},
    {"sourceConfig.milvus.enableTLS", kUsed},
    {"sourceConfig.milvus.tlsServerName", kUsed},
    {"sourceConfig.milvus.tlsCertPath", kUsed},
    {"sourceConfig.milvus.tlsKeyPath", kUsed},
    {"sourceConfig.milvus.tlsCACertPath", kUsed},
    {"sourceConfig.pulsar", kSection},
    {"sourceConfig.pulsar.address", kUsed},
    {"sourceConfig.pulsar.webAddress", kNoEffect},
    {"sourceConfig.pulsar.webPort", kNoEffect},
    {"sourceConfig.pulsar.maxMessageSize", kNoEffect},
    {"sourceConfig.pulsar.tenant", kUsed},
    {"sourceConfig.pulsar.namespace", kUsed},
    {"sourceConfig.pulsar.authPlugin", kUsed},
    {"sourceConfig.pulsar.authParams", kUsed},
    {"sourceConfig.pulsar.tlsCACertPath", kUsed},
    {"sourceConfig.pulsar.library", kUsed},
    {"sourceConfig.woodpecker", kSection},
    {"sourceConfig.woodpecker.experimental", kUsed},
    {"sourceConfig.woodpecker.storage", kSection},
    {"sourceConfig.woodpecker.storage.type", kUsed},
    {"sourceConfig.woodpecker.storage.rootPath", kUsed},
    {"sourceConfig.woodpecker.meta", kSection},
    {"sourceConfig.woodpecker.meta.type", kNoEffect},
    {"sourceConfig.woodpecker.meta.prefix", kUsed},
    {"sourceConfig.woodpecker.client", kNoEffect},
    {"sourceConfig.woodpecker.logstore", kNoEffect},
    {"sourceConfig.kafka", kSection},
    {"sourceConfig.kafka.address", kUsed},
    {"sourceConfig.kafka.saslUsername", kUsed},
    {"sourceConfig.kafka.saslPassword", kUsed},
    {"sourceConfig.kafka.saslMechanisms", kUsed},
    {"sourceConfig.kafka.securityProtocol", kUsed},
    {"sourceConfig.kafka.producer", kNoEffect},
    {"sourceConfig.kafka.consumer", kUsed},
});

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) { return Lower(c); });
  return lower;
}

// The number of characters to insert, delete or change to turn one into the other.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) {
    row[j] = j;
  }
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string_view LastPart(std::string_view path) { return path.substr(path.rfind('.') + 1); }

}  // namespace

bool SameConfigKey(std::string_view a, std::string_view b) { return Lower(a) == Lower(b); }

ConfigKeyKind LookUpConfigKey(std::string_view path) {
  for (const KnownKey& key : kKnownKeys) {
    if (SameConfigKey(key.path, path)) {
      return key.kind;
    }
  }
  return ConfigKeyKind::kUnknown;
}

std::string NearestConfigKey(std::string_view path) {
  constexpr size_t kFar = 3;
  const std::string wanted = Lower(path);
  const std::string wanted_last = Lower(LastPart(path));
  std::string_view nearest;
  size_t distance = kFar;
  for (const KnownKey& key : kKnownKeys) {
    // The right name in the wrong section counts like one wrong letter.
    const size_t here =
        Lower(LastPart(key.path)) == wanted_last ? 1 : EditDistance(Lower(key.path), wanted);
    if (here < distance) {
      distance = here;
      nearest = key.path;
    }
  }
  return std::string(nearest);
}

}  // namespace cdc
