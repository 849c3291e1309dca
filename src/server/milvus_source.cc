#include "server/milvus_source.h"

#include <chrono>
#include <utility>

#include "pipeline/replicator.h"
#include "server/etcd_options.h"
#include "sink/api/milvus_target.h"
#include "sink/guarded_target.h"
#include "sink/standby/standby_hubs.h"
#include "sink/standby/standby_target.h"
#include "source/catalog/etcd_catalog.h"
#include "source/kafka/kafka_log.h"
#include "source/log.h"
#include "source/pulsar/pulsar_log.h"
#include "source/query/milvus_query_snapshots.h"
#include "source/rocksmq/rocksmq_log.h"
#include "source/snapshot/milvus_snapshots.h"
#include "source/woodpecker/woodpecker_log.h"
#include "source/woodpecker/woodpecker_meta.h"

namespace cdc {
namespace {

// One line for each kind of target. A server that has been suspended may have been replaced: its
// targets take nothing unless it still owns the store.
class Targets final : public TargetFactory {
 public:
  Targets(const MetaStore* store, StandbyHubs* hubs) : store_(store), hubs_(hubs) {}

  Result<TargetInfo> Check(const TargetOptions& options,
                           std::chrono::milliseconds timeout) override {
    return CheckMilvus(options, timeout);
  }

  Result<std::unique_ptr<Target>> New(const TargetOptions& options) override {
    CDC_ASSIGN_OR_RETURN(std::unique_ptr<Target> target, NewOfItsKind(options));
    return NewGuardedTarget(std::move(target), [store = store_] { return store->CheckOwned(); });
  }

 private:
  Result<std::unique_ptr<Target>> NewOfItsKind(const TargetOptions& options) {
    switch (options.mode) {
      case SinkMode::kReplicate: {
        CDC_ASSIGN_OR_RETURN(std::shared_ptr<StandbyHub> hub, hubs_->Hold(options));
        return NewStandbyTarget(options, std::move(hub));
      }
      case SinkMode::kApi: return NewMilvusTarget(options);
      case SinkMode::kAuto: break;  // a create decides the mode, and the store holds no other
    }
    return InternalError("the task has no sink mode");
  }

  const MetaStore* const store_;
  StandbyHubs* const hubs_;
};

// Which queue OpenLog opens.
const char* QueueKindOf(const Config& config) {
  return config.woodpecker.enabled        ? "Woodpecker"
         : !config.pulsar.address.empty() ? "Pulsar"
         : !config.kafka.address.empty()  ? "Kafka"
                                          : "RocksMQ";
}

class MilvusSource final : public OpenSource {
 public:
  MilvusSource(std::unique_ptr<EtcdCatalog> catalog,
               std::unique_ptr<Log> log,
               std::unique_ptr<SnapshotSource> snapshots,
               std::unique_ptr<SnapshotSource> queries,
               MetaStore* store,
               StandbyHubs* hubs,
               const Config& config)
      : catalog_(std::move(catalog)),
        log_(std::move(log)),
        snapshots_(std::move(snapshots)),
        queries_(std::move(queries)),
        targets_(store, hubs),
        replicator_(
            NewReplicator({.catalog = catalog_.get(),
                           .log = log_.get(),
                           .store = store,
                           .targets = &targets_,
                           .snapshots = snapshots_.get(),
                           .queries = queries_.get(),
                           .replicate_channel = config.replicate_channel,
                           .queue_kind = QueueKindOf(config),
                           .retry = config.retry,
                           .queue_holds = std::chrono::minutes(config.snapshot.queue_holds_minutes),
                           .copy_parallel = static_cast<size_t>(config.snapshot.max_parallel),
                           .copy_bytes_per_second = config.snapshot.max_bytes_per_second,
                           .dry_run = config.dry_run,
                           .forget_doubts = config.testing.forget_doubts})) {}

  Replicator* replicator() override { return replicator_.get(); }
  Status Health() const override {
    return catalog_->health().status.WithContext("the source's etcd");
  }

 private:
  // In order of use: each uses those before it.
  const std::unique_ptr<EtcdCatalog> catalog_;
  const std::unique_ptr<Log> log_;
  const std::unique_ptr<SnapshotSource> snapshots_;  // nullptr: no storage is configured
  const std::unique_ptr<SnapshotSource> queries_;    // nullptr: no Milvus is configured
  Targets targets_;
  const std::unique_ptr<Replicator> replicator_;
};

EtcdCatalogOptions CatalogOptions(const EtcdConfig& etcd) {
  EtcdCatalogOptions options;
  options.root_path = etcd.root_path;
  options.meta_sub_path = etcd.meta_sub_path;
  options.etcd = EtcdOptionsOf(etcd);
  return options;
}

Result<std::unique_ptr<Log>> OpenPulsar(const Config& config) {
  const PulsarConfig& pulsar = config.pulsar;
  Result<std::unique_ptr<Log>> log = OpenPulsarLog({.address = pulsar.address,
                                                    .tenant = pulsar.tenant,
                                                    .name_space = pulsar.name_space,
                                                    .auth_plugin = pulsar.auth_plugin,
                                                    .auth_params = pulsar.auth_params,
                                                    .tls_ca_file = pulsar.tls_ca_cert_path,
                                                    .library = pulsar.library,
                                                    .known_channel = config.replicate_channel});
  CDC_RETURN_IF_ERROR(log.status().WithContext("sourceConfig.pulsar"));
  return log;
}

Result<std::unique_ptr<Storage>> OpenStorage(const StorageConfig& storage) {
  switch (storage.type) {
    case StorageConfig::Type::kLocal: return OpenLocalStorage(storage.path);
    case StorageConfig::Type::kS3:
      return OpenS3Storage({.address = storage.address,
                            .use_tls = storage.use_ssl,
                            .ca_file = storage.ssl_ca_cert,
                            .region = storage.region,
                            .virtual_host = storage.use_virtual_host,
                            .bucket = storage.bucket,
                            .root = storage.root_path,
                            .access_key = storage.access_key_id,
                            .secret_key = storage.secret_access_key});
    case StorageConfig::Type::kAzure:
      return OpenAzureStorage({.address = storage.address,
                               .use_tls = storage.use_ssl,
                               .account = storage.access_key_id,
                               .account_key = storage.secret_access_key,
                               .container = storage.bucket,
                               .root = storage.root_path});
    case StorageConfig::Type::kGcs:
      return OpenGcsStorage({.address = storage.address,
                             .use_tls = storage.use_ssl,
                             .credentials = storage.gcp_credential_json,
                             .bucket = storage.bucket,
                             .root = storage.root_path});
    case StorageConfig::Type::kNone: break;
  }
  return FailedPreconditionError("no storage is configured");
}

// Milvus keeps the files of its Woodpecker below minio.rootPath, even if they are in a folder.
Result<std::unique_ptr<Storage>> OpenWoodpeckerStorage(const Config& config) {
  const WoodpeckerConfig& woodpecker = config.woodpecker;
  if (woodpecker.objects) {
    StorageConfig bucket = config.storage;
    bucket.root_path += "/wp";
    auto storage = OpenStorage(bucket);
    CDC_RETURN_IF_ERROR(storage.status().WithContext("sourceConfig.storage"));
    return storage;
  }
  const std::string root =
      woodpecker.root_path.empty() ? config.storage.path + "/wp" : woodpecker.root_path;
  auto storage = OpenLocalStorage(root + "/" + config.storage.root_path + "/wp");
  CDC_RETURN_IF_ERROR(storage.status().WithContext(
      "sourceConfig.woodpecker.storage.rootPath with sourceConfig.storage.rootPath"));
  return storage;
}

Result<std::unique_ptr<Log>> OpenWoodpecker(const Config& config) {
  CDC_ASSIGN_OR_RETURN(auto storage, OpenWoodpeckerStorage(config));
  CDC_ASSIGN_OR_RETURN(auto etcd, NewEtcdClient(CatalogOptions(config.source_etcd).etcd));
  WoodpeckerOptions options{.objects = config.woodpecker.objects};
  if (options.objects) {
    // Each look is a request, and Milvus writes an object every 200 ms.
    options.poll_min = std::chrono::milliseconds(50);
    options.poll_max = std::chrono::milliseconds(200);
  }
  return NewWoodpeckerLog(NewWoodpeckerEtcdMeta(std::move(etcd), config.woodpecker.meta_prefix),
                          std::move(storage), options);
}

Result<std::unique_ptr<Log>> OpenLog(const Config& config) {
  if (config.woodpecker.enabled) {
    return OpenWoodpecker(config);
  }
  if (!config.pulsar.address.empty()) {
    return OpenPulsar(config);
  }
  const KafkaConfig& kafka = config.kafka;
  if (kafka.address.empty()) {
    // RocksDB's own log files go next to the metastore, so a killed server leaves nothing in /tmp.
    return OpenRocksmqLog(
        {.path = config.rocksmq_path, .secondary_dir = config.meta_store.sqlite_path + ".rocksmq"});
  }
  Result<std::unique_ptr<Log>> log =
      OpenKafkaLog({.connection = {.address = kafka.address,
                                   .sasl_username = kafka.sasl_username,
                                   .sasl_password = kafka.sasl_password,
                                   .sasl_mechanisms = kafka.sasl_mechanisms,
                                   .security_protocol = kafka.security_protocol},
                    .consumer = kafka.consumer});
  CDC_RETURN_IF_ERROR(log.status().WithContext("sourceConfig.kafka"));
  return log;
}

// nullptr: no storage is configured.
Result<std::unique_ptr<SnapshotSource>> NewSnapshots(const Config& config) {
  if (config.storage.type == StorageConfig::Type::kNone) {
    return std::unique_ptr<SnapshotSource>();
  }
  const EtcdCatalogOptions catalog = CatalogOptions(config.source_etcd);
  return NewMilvusSnapshots(
      {.etcd = catalog.etcd,
       .root_path = catalog.root_path,
       .meta_sub_path = catalog.meta_sub_path},
      [storage = config.storage]() -> Result<std::unique_ptr<Storage>> {
        auto opened = OpenStorage(storage);
        CDC_RETURN_IF_ERROR(opened.status().WithContext("sourceConfig.storage"));
        return opened;
      });
}

// nullptr: no address is configured.
Result<std::unique_ptr<SnapshotSource>> NewQueries(const Config& config, CatalogSource* source) {
  const SourceMilvusConfig& milvus = config.source_milvus;
  if (milvus.address.empty()) {
    return std::unique_ptr<SnapshotSource>();
  }
  const EtcdCatalogOptions catalog = CatalogOptions(config.source_etcd);
  const bool has_scheme = milvus.address.find("://") != std::string::npos;
  return NewMilvusQuerySnapshots(
      {.uri = (has_scheme          ? ""
               : milvus.enable_tls ? "https://"
                                   : "http://") +
              milvus.address,
       .token = milvus.username.empty() ? milvus.token : milvus.username + ":" + milvus.password,
       .tls = {.server_name = milvus.tls_server_name,
               .authority_path = milvus.tls_ca_cert_path,
               .certificate_path = milvus.tls_cert_path,
               .key_path = milvus.tls_key_path},
       .etcd = catalog.etcd,
       .root_path = catalog.root_path,
       .meta_sub_path = catalog.meta_sub_path},
      source);
}

}  // namespace

Result<TargetInfo> CheckMilvusTarget(const MilvusConnectParam& target) {
  return CheckMilvus(OptionsOf(target, SinkMode::kApi),
                     std::chrono::seconds(target.ConnectTimeoutSeconds()));
}

Result<std::unique_ptr<OpenSource>> OpenMilvusSource(const Config& config,
                                                     MetaStore* store,
                                                     StandbyHubs* hubs) {
  // The queue first: its check is cheap.
  Result<std::unique_ptr<Log>> log = OpenLog(config);
  CDC_RETURN_IF_ERROR(log.status());
  Result<std::unique_ptr<EtcdCatalog>> catalog =
      StartEtcdCatalog(CatalogOptions(config.source_etcd));
  CDC_RETURN_IF_ERROR(catalog.status().WithContext("sourceConfig.etcd"));
  Result<std::unique_ptr<SnapshotSource>> snapshots = NewSnapshots(config);
  CDC_RETURN_IF_ERROR(snapshots.status());
  Result<std::unique_ptr<SnapshotSource>> queries = NewQueries(config, catalog->get());
  CDC_RETURN_IF_ERROR(queries.status());
  return std::unique_ptr<OpenSource>(
      std::make_unique<MilvusSource>(*std::move(catalog), *std::move(log), *std::move(snapshots),
                                     *std::move(queries), store, hubs, config));
}

}  // namespace cdc
