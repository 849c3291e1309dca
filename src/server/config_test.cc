#include "server/config.h"

#include <fstream>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/source_dir.h"
#include "metastore/testing/temp_dir.h"

namespace cdc {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

LoadedConfig MustParse(const std::string& text) {
  Result<LoadedConfig> loaded = ParseConfig(text, "cdc.yaml");
  EXPECT_TRUE(loaded.ok()) << loaded.status().ToString();
  return loaded.ok() ? *std::move(loaded) : LoadedConfig();
}

void ExpectDefaults(const LoadedConfig& loaded) {
  const Config& config = loaded.config;
  EXPECT_EQ(config.address, "0.0.0.0:8444");
  EXPECT_EQ(config.max_task_num, 100);
  EXPECT_EQ(config.max_name_length, 256);
  EXPECT_EQ(config.log_level, "info");
  EXPECT_EQ(config.meta_store.type, MetaStoreConfig::Type::kSqlite);
  EXPECT_EQ(config.meta_store.sqlite_path, "./cdc.db");
  EXPECT_THAT(config.source_etcd.address, ElementsAre("127.0.0.1:2379"));
  EXPECT_EQ(config.source_etcd.root_path, "by-dev");
  EXPECT_EQ(config.source_etcd.meta_sub_path, "meta");
  EXPECT_EQ(config.kafka.address, "");
  EXPECT_THAT(config.kafka.consumer, IsEmpty());
  EXPECT_EQ(config.rocksmq_path, "/var/lib/milvus/rdb_data");
  EXPECT_EQ(config.replicate_channel, "by-dev-replicate-msg");
  EXPECT_EQ(config.retry.initial, std::chrono::milliseconds(100));
  EXPECT_EQ(config.retry.max, std::chrono::milliseconds(10'000));
  EXPECT_THAT(loaded.values.warnings(), IsEmpty());
}

TEST(ConfigTest, WhatBreaksItOnPurposeIsSaidLoudly) {
  const LoadedConfig loaded = MustParse("testing: {forgetDoubts: true}");
  EXPECT_TRUE(loaded.config.testing.forget_doubts);
  EXPECT_THAT(loaded.values.warnings(),
              ElementsAre(HasSubstr("testing.forgetDoubts is for tests")));
  EXPECT_FALSE(MustParse("testing: {forgetDoubts: false}").config.testing.forget_doubts);
}

TEST(ConfigTest, TheLog) {
  const LogConfig log =
      MustParse("log: {path: /l/cdc.log, maxSizeMB: 7, maxFiles: 2, format: JSON}").config.log;
  EXPECT_EQ(log.path, "/l/cdc.log");
  EXPECT_EQ(log.max_size_mb, 7);
  EXPECT_EQ(log.max_files, 2);
  EXPECT_TRUE(log.json);
}

TEST(ConfigTest, ADryRunOfAllTasksIsSaidLoudly) {
  EXPECT_FALSE(MustParse("").config.dry_run);
  const LoadedConfig loaded = MustParse("dryRun: true");
  EXPECT_TRUE(loaded.config.dry_run);
  EXPECT_THAT(loaded.values.warnings(), ElementsAre(HasSubstr("no task writes anything")));
}

TEST(ConfigTest, StatusesOfTheApi) {
  EXPECT_FALSE(MustParse("").config.real_status);
  EXPECT_FALSE(MustParse("response: compatible").config.real_status);
  EXPECT_TRUE(MustParse("response: Real_Status").config.real_status);
}

TEST(ConfigTest, AStoreInEtcd) {
  // As it is in configurations that exist.
  const LoadedConfig loaded = MustParse(R"(
metaStoreConfig:
  storeType: etcd
  etcd:
    address:
      - http://10.0.0.1:2379
      - 10.0.0.2:2379
    enableAuth: true
    username: u
    password: p
    enableTLS: true
    tlsCertPath: cert
    tlsKeyPath: key
    tlsCACertPath: ca
    tlsMinVersion: 1.3
  rootPath: cdc-by-dev
)");
  const MetaStoreConfig& store = loaded.config.meta_store;
  EXPECT_EQ(store.type, MetaStoreConfig::Type::kEtcd);
  EXPECT_EQ(store.root_path, "cdc-by-dev");
  EXPECT_THAT(store.etcd.address, ElementsAre("http://10.0.0.1:2379", "10.0.0.2:2379"));
  EXPECT_TRUE(store.etcd.enable_auth);
  EXPECT_EQ(store.etcd.username, "u");
  EXPECT_EQ(store.etcd.password, "p");
  EXPECT_TRUE(store.etcd.enable_tls);
  EXPECT_EQ(store.etcd.tls_cert_path, "cert");
  EXPECT_EQ(store.etcd.tls_key_path, "key");
  EXPECT_EQ(store.etcd.tls_ca_cert_path, "ca");
  EXPECT_TRUE(store.etcd.tls_13_only);
  EXPECT_THAT(loaded.values.notes(), IsEmpty());
  const MetaStoreConfig older =
      MustParse("metaStoreConfig: {storeType: etcd, etcdEndpoints: [a, b], etcd: {address: c}}")
          .config.meta_store;
  EXPECT_THAT(older.etcd.address, ElementsAre("a", "b"));
}

TEST(ConfigTest, TheOldestVersionOfTls) {
  const auto source = [](const std::string& version) {
    return MustParse("sourceConfig: {etcd: {enableTLS: true, tlsMinVersion: " + version + "}}");
  };
  EXPECT_TRUE(source("1.3").config.source_etcd.tls_13_only);
  EXPECT_TRUE(source("'1.3'").config.source_etcd.tls_13_only);
  for (const char* version : {"1.2", "''", ""}) {
    EXPECT_FALSE(source(version).config.source_etcd.tls_13_only) << version;
    EXPECT_THAT(source(version).values.notes(), IsEmpty()) << version;
  }
  for (const char* version : {"1.0", "1.1"}) {
    EXPECT_FALSE(source(version).config.source_etcd.tls_13_only) << version;
    EXPECT_THAT(source(version).values.notes(),
                ElementsAre(HasSubstr("etcd.tlsMinVersion is " + std::string(version) +
                                      ", at least TLS 1.2 is used")));
  }
  EXPECT_THAT(MustParse("sourceConfig: {etcd: {tlsMinVersion: 9}}").values.notes(), IsEmpty())
      << "without TLS it does not matter";
}

TEST(ConfigTest, TheStorageHasAType) {
  EXPECT_EQ(MustParse("").config.storage.type, StorageConfig::Type::kNone);
  const StorageConfig local =
      MustParse("sourceConfig: {storage: {type: local, path: /d}}").config.storage;
  EXPECT_EQ(local.type, StorageConfig::Type::kLocal);
  EXPECT_EQ(local.path, "/d");
  for (const char* wrong : {"type: tape", "address: 'm:9000'"}) {
    const auto parsed =
        ParseConfig(std::string("sourceConfig: {storage: {") + wrong + "}}", "cdc.yaml");
    EXPECT_THAT(parsed.status().message(), HasSubstr("sourceConfig.storage.type")) << wrong;
    EXPECT_THAT(parsed.status().message(), HasSubstr("local, s3")) << wrong;
  }
  for (const auto& [name, type] : {std::pair{"Azure", StorageConfig::Type::kAzure},
                                   {"gcs", StorageConfig::Type::kGcs},
                                   {"gcp", StorageConfig::Type::kGcs}}) {
    const std::string text = std::string("sourceConfig: {storage: {type: ") + name;
    EXPECT_EQ(MustParse(text + "}}").config.storage.type, type) << name;
    EXPECT_TRUE(MustParse(text + "}}").config.storage.use_ssl) << name;
    EXPECT_FALSE(MustParse(text + ", useSSL: false}}").config.storage.use_ssl) << name;
  }
  EXPECT_FALSE(MustParse("sourceConfig: {storage: {type: s3}}").config.storage.use_ssl);
}

TEST(ConfigTest, CopiesAreLimited) {
  EXPECT_EQ(MustParse("").config.snapshot.max_parallel, 2);
  EXPECT_EQ(MustParse("").config.snapshot.max_bytes_per_second, 0);
  const SnapshotConfig snapshot =
      MustParse("snapshot: {maxparallel: 64, maxBytesPerSecond: 50000000000}").config.snapshot;
  EXPECT_EQ(snapshot.max_parallel, 64);
  EXPECT_EQ(snapshot.max_bytes_per_second, 50'000'000'000);
  EXPECT_EQ(MustParse("").config.snapshot.queue_holds_minutes, 4320);
  EXPECT_EQ(MustParse("snapshot: {queueHoldsMinutes: 60}").config.snapshot.queue_holds_minutes, 60);
}

TEST(ConfigTest, TheSourcesMilvus) {
  EXPECT_EQ(MustParse("").config.source_milvus.address, "");
  const LoadedConfig loaded = MustParse(
      "sourceConfig: {milvus: {address: 'm:19530', username: u, password: p, enableTLS: true}}");
  EXPECT_THAT(loaded.values.warnings(), IsEmpty());
  EXPECT_EQ(loaded.config.source_milvus.address, "m:19530");
  EXPECT_EQ(loaded.config.source_milvus.username, "u");
  EXPECT_EQ(loaded.config.source_milvus.password, "p");
  EXPECT_TRUE(loaded.config.source_milvus.enable_tls);
  for (const char* wrong : {"username: u, token: t", "password: p"}) {
    EXPECT_THAT(ParseConfig(std::string("sourceConfig: {milvus: {") + wrong + "}}", "cdc.yaml")
                    .status()
                    .message(),
                HasSubstr("sourceConfig.milvus.username"))
        << wrong;
  }
}

TEST(ConfigTest, RetriesInSeconds) {
  const BackoffOptions retry = MustParse("retry: {initBackOff: 3, maxbackoff: 300}").config.retry;
  EXPECT_EQ(retry.initial, std::chrono::seconds(3));
  EXPECT_EQ(retry.max, std::chrono::seconds(300));
  EXPECT_EQ(MustParse("retry: {initBackOff: 20}").config.retry.max, std::chrono::seconds(20));
  EXPECT_EQ(MustParse("retry: {initBackOff: 0}").config.retry.initial,
            std::chrono::milliseconds(100));
  EXPECT_THAT(MustParse("retry: {retryTimes: 288}").values.notes(),
              ElementsAre(HasSubstr("retry.retryTimes has no effect: a call is repeated until")));
  for (const char* text : {"retry: {initBackOff: 1.5}", "retry: {maxBackOff: -1}", "retry: 5",
                           "retry: {initBackOff: 9, maxBackOff: 8}"}) {
    const Result<LoadedConfig> loaded = ParseConfig(text, "cdc.yaml");
    EXPECT_EQ(loaded.status().code(), StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(loaded.status().message(), HasSubstr("retry")) << text;
  }
}

TEST(ConfigTest, EmptyTextAndMissingFileAreTheDefaults) {
  for (const char* text : {"", "# nothing\n", "address:\nsourceConfig:\n  etcd:\n", "{}"}) {
    ExpectDefaults(MustParse(text));
  }
  const TempDir dir;
  const Result<LoadedConfig> missing = LoadConfig(dir.File("no/cdc.yaml"));
  ASSERT_TRUE(missing.ok());
  ExpectDefaults(*missing);
}

TEST(ConfigTest, TheShippedFileSaysTheDefaults) {
  const Result<LoadedConfig> shipped = LoadConfig(SourceDir() + "/configs/cdc.yaml");
  ASSERT_TRUE(shipped.ok()) << shipped.status().ToString();
  ExpectDefaults(*shipped);
}

TEST(ConfigTest, EveryKeyInAnyCase) {
  const LoadedConfig loaded = MustParse(R"(
ADDRESS: 127.0.0.1:1
maxtasknum: 7
MaxNameLength: 9
loglevel: debug
metastoreconfig: {StoreType: SQLite, sqlitepath: /x/y.db}
sourceConfig:
  replicatechan: other
  ETCD:
    Address: ["http://a:1", b:2]
    rootpath: r
    metasubpath: m
    enableauth: true
    username: u
    password: 12345
    enabletls: true
    tlscertpath: c
    tlskeypath: k
    tlscacertpath: ca
  RocksMQ: {Path: /q}
  Storage: {Type: MinIO, address: "m:9000", bucketname: b, rootPath: r/s, accesskeyid: a, secretAccessKey: 5,
            useSSL: true, sslCACert: /ca, region: eu, useVirtualHost: true}
  Kafka:
    address: k1:9092,k2:9092
    saslusername: ku
    SaslPassword: 7
    saslMechanisms: SCRAM-SHA-512
    SECURITYPROTOCOL: SASL_SSL
    consumer: {ssl.ca.location: /ca.pem, fetch.wait.max.ms: 10}
)");
  const Config& config = loaded.config;
  EXPECT_THAT(loaded.values.warnings(), IsEmpty());
  EXPECT_EQ(config.address, "127.0.0.1:1");
  EXPECT_EQ(config.max_task_num, 7);
  EXPECT_EQ(config.max_name_length, 9);
  EXPECT_EQ(config.log_level, "debug");
  EXPECT_EQ(config.meta_store.sqlite_path, "/x/y.db");
  EXPECT_EQ(config.replicate_channel, "other");
  EXPECT_EQ(config.rocksmq_path, "/q");
  EXPECT_EQ(config.storage.type, StorageConfig::Type::kS3);
  EXPECT_EQ(config.storage.address, "m:9000");
  EXPECT_EQ(config.storage.bucket, "b");
  EXPECT_EQ(config.storage.root_path, "r/s");
  EXPECT_EQ(config.storage.access_key_id, "a");
  EXPECT_EQ(config.storage.secret_access_key, "5");
  EXPECT_TRUE(config.storage.use_ssl && config.storage.use_virtual_host);
  EXPECT_EQ(config.storage.ssl_ca_cert, "/ca");
  EXPECT_EQ(config.storage.region, "eu");
  EXPECT_EQ(config.kafka.address, "k1:9092,k2:9092");
  EXPECT_EQ(config.kafka.sasl_username, "ku");
  EXPECT_EQ(config.kafka.sasl_password, "7");
  EXPECT_EQ(config.kafka.sasl_mechanisms, "SCRAM-SHA-512");
  EXPECT_EQ(config.kafka.security_protocol, "SASL_SSL");
  EXPECT_THAT(config.kafka.consumer, ElementsAre(std::pair("fetch.wait.max.ms", "10"),
                                                 std::pair("ssl.ca.location", "/ca.pem")));
  const EtcdConfig& etcd = config.source_etcd;
  EXPECT_THAT(etcd.address, ElementsAre("http://a:1", "b:2"));
  EXPECT_EQ(etcd.root_path, "r");
  EXPECT_EQ(etcd.meta_sub_path, "m");
  EXPECT_TRUE(etcd.enable_auth);
  EXPECT_EQ(etcd.username, "u");
  EXPECT_EQ(etcd.password, "12345");
  EXPECT_TRUE(etcd.enable_tls);
  EXPECT_EQ(etcd.tls_cert_path, "c");
  EXPECT_EQ(etcd.tls_key_path, "k");
  EXPECT_EQ(etcd.tls_ca_cert_path, "ca");
}

TEST(ConfigTest, DeprecatedEtcdKeysWin) {
  const Config config = MustParse(
                            "sourceConfig: {etcdAddress: [x:1], etcdRootPath: r, etcdMetaSubPath: "
                            "m, etcd: {rootPath: no}}")
                            .config;
  EXPECT_THAT(config.source_etcd.address, ElementsAre("x:1"));
  EXPECT_EQ(config.source_etcd.root_path, "r");
  EXPECT_EQ(config.source_etcd.meta_sub_path, "m");
  EXPECT_EQ(MustParse("sourceConfig: {etcdRootPath: r}").config.source_etcd.root_path, "by-dev");
}

TEST(ConfigTest, VariablesComeBeforeDeprecatedKeys) {
  const auto parsed = ParseConfig(
      "sourceConfig: {etcdAddress: [x:1]}\nmetaStoreConfig: "
      "{storeType: etcd, etcdEndpoints: [y:1]}",
      "cdc.yaml",
      {{"MILVUS_CDC_SOURCECONFIG_ETCD_ADDRESS", "v:1"},
       {"MILVUS_CDC_METASTORECONFIG_ETCD_ADDRESS", "w:1"}});
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  EXPECT_THAT(parsed->config.source_etcd.address, ElementsAre("v:1"));
  EXPECT_THAT(parsed->config.meta_store.etcd.address, ElementsAre("w:1"));
}

TEST(ConfigTest, EmptyDeprecatedKeysCountAsMissing) {
  const Config config = MustParse(
                            "sourceConfig: {etcdAddress: [], etcd: {address: [a:1]}}\n"
                            "metaStoreConfig: {storeType: etcd, etcdEndpoints: [], etcd: "
                            "{address: [b:1]}}")
                            .config;
  EXPECT_THAT(config.source_etcd.address, ElementsAre("a:1"));
  EXPECT_THAT(config.meta_store.etcd.address, ElementsAre("b:1"));
}

TEST(ConfigTest, PulsarsKeys) {
  const LoadedConfig loaded = MustParse(R"(
sourceConfig:
  pulsar:
    address: pulsar+ssl://p:6651
    tenant: t
    namespace: n
    authPlugin: oauth2
    authParams: issuerUrl:https://i:443/x,audience:a
    tlsCACertPath: /ca
    library: /l
)");
  const PulsarConfig& pulsar = loaded.config.pulsar;
  EXPECT_THAT(loaded.values.warnings(), IsEmpty());
  EXPECT_EQ(pulsar.address, "pulsar+ssl://p:6651");
  EXPECT_EQ(pulsar.tenant, "t");
  EXPECT_EQ(pulsar.name_space, "n");
  EXPECT_EQ(pulsar.auth_plugin, "oauth2");
  EXPECT_THAT(pulsar.auth_params,
              ElementsAre(std::pair("audience", "a"), std::pair("issuerUrl", "https://i:443/x")));
  EXPECT_EQ(pulsar.tls_ca_cert_path, "/ca");
  EXPECT_EQ(pulsar.library, "/l");
}

TEST(ConfigTest, WoodpeckersKeys) {
  EXPECT_FALSE(MustParse("").config.woodpecker.enabled);
  const LoadedConfig loaded = MustParse(R"(
sourceConfig:
  woodpecker:
    experimental: true
    storage: {type: local, rootPath: /wp}
    meta: {prefix: p}
)");
  EXPECT_THAT(loaded.values.warnings(), IsEmpty());
  EXPECT_TRUE(loaded.config.woodpecker.enabled);
  EXPECT_EQ(loaded.config.woodpecker.root_path, "/wp");
  EXPECT_EQ(loaded.config.woodpecker.meta_prefix, "p");
  const std::string defaults =
      "sourceConfig: {woodpecker: {experimental: true, storage: {type: local, rootPath: default}}}";
  EXPECT_EQ(MustParse(defaults).config.woodpecker.root_path, "");
  EXPECT_FALSE(MustParse(defaults).config.woodpecker.objects);
  EXPECT_TRUE(MustParse("sourceConfig: {storage: {type: s3}, woodpecker: {experimental: true, "
                        "storage: {type: minio}}}")
                  .config.woodpecker.objects);
}

struct Warning {
  const char* text;
  const char* told;
};

TEST(ConfigTest, KillAt) {
  const LoadedConfig loaded = MustParse("testing: {killAt: 'after_ddl.CreateCollection:12'}");
  EXPECT_EQ(loaded.config.testing.kill_at, "after_ddl.CreateCollection");
  EXPECT_EQ(loaded.config.testing.kill_at_pass, 12);
  EXPECT_THAT(loaded.values.warnings(), ElementsAre(HasSubstr("testing.killAt is for tests")));
  EXPECT_EQ(MustParse("testing: {killAt: ''}").config.testing.kill_at, "");
}

class ConfigWarningTest : public ::testing::TestWithParam<Warning> {};

TEST_P(ConfigWarningTest, NamesTheKey) {
  EXPECT_THAT(MustParse(GetParam().text).values.warnings(), ElementsAre(GetParam().told));
}

INSTANTIATE_TEST_SUITE_P(
    All,
    ConfigWarningTest,
    ::testing::Values(
        Warning{"adress: x:1", "cdc.yaml: unknown key adress, did you mean address?"},
        Warning{"sourceConfig: {rocksmq: {pth: /x}}",
                "cdc.yaml: unknown key sourceConfig.rocksmq.pth, did you mean "
                "sourceConfig.rocksmq.path?"},
        Warning{"sqlitePath: /x",
                "cdc.yaml: unknown key sqlitePath, did you mean metaStoreConfig.sqlitePath?"},
        Warning{"completelyOther: 5", "cdc.yaml: unknown key completelyOther"},
        Warning{"address: a:1\nAddress: b:1",
                "cdc.yaml: address is given twice, the last one counts"},
        Warning{"sourceConfig: {kafka: {address: k}, pulsar: {address: p}}",
                "cdc.yaml: sourceConfig.pulsar is used, sourceConfig.kafka is not"}));

struct Refusal {
  const char* text;
  const char* told;
};

class ConfigErrorTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(ConfigErrorTest, IsTold) {
  const Status status = ParseConfig(GetParam().text, "cdc.yaml").status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << GetParam().text;
  EXPECT_THAT(status.message(), AllOf(HasSubstr("cdc.yaml: "), HasSubstr(GetParam().told)));
  EXPECT_THAT(status.message(), Not(HasSubstr("secret")));
}

INSTANTIATE_TEST_SUITE_P(
    All,
    ConfigErrorTest,
    ::testing::Values(
        Refusal{"a: b\n  c: [", "line 2, column 4"},
        Refusal{"a: 'x", "line 1"},
        Refusal{"\tx: 1", "line 1"},
        Refusal{"5", "must hold keys"},
        Refusal{"- a", "must hold keys"},
        Refusal{"maxTaskNum: \"100\"",
                "cdc.yaml: line 1, column 13: maxTaskNum must be an integer"},
        Refusal{"\nmaxTaskNum: many", "line 2, column 13: maxTaskNum must be an integer"},
        Refusal{"maxTaskNum: 3.5", "maxTaskNum must be an integer"},
        Refusal{"maxTaskNum: 99999999999", "maxTaskNum must be an integer"},
        Refusal{"snapshot: {maxParallel: 0}", "snapshot.maxParallel must be from 1 to 64, got 0"},
        Refusal{"snapshot: {maxParallel: 65}", "snapshot.maxParallel must be from 1 to 64, got 65"},
        Refusal{"snapshot: {queueHoldsMinutes: 0}",
                "snapshot.queueHoldsMinutes must be at least 1, got 0"},
        Refusal{"snapshot: {maxParallel: two}", "snapshot.maxParallel must be an integer"},
        Refusal{"snapshot: {maxBytesPerSecond: -1}",
                "snapshot.maxBytesPerSecond must not be negative"},
        Refusal{"snapshot: 2", "snapshot must be a section with keys"},
        Refusal{"maxTaskNum: -1", "maxTaskNum must not be negative"},
        Refusal{"maxNameLength: 0", "maxNameLength must be positive"},
        Refusal{"log: {format: xml}", "log.format can be text or json, got xml"},
        Refusal{"log: {maxSizeMB: 0}", "log.maxSizeMB must be from 1 to 1000000, got 0"},
        Refusal{"log: {maxFiles: 0}", "log.maxFiles must be from 1 to 1000, got 0"},
        Refusal{"response: 400", "response can be compatible"},
        Refusal{"metaStoreConfig: {etcd: {enableTLS: true, tlsMinVersion: 1.4}}",
                "metaStoreConfig.etcd.tlsMinVersion can be 1.0, 1.1, 1.2 or 1.3, got 1.4"},
        Refusal{"sourceConfig: {etcd: {enableTLS: true, tlsMinVersion: TLS1.2}}",
                "sourceConfig.etcd.tlsMinVersion can be 1.0, 1.1, 1.2 or 1.3"},
        Refusal{"address: [a]", "address must be a text"},
        Refusal{"address: ''", "must not be empty"},
        Refusal{"sourceConfig: 5", "sourceConfig must be a section"},
        Refusal{"sourceConfig: {etcd: [x]}", "sourceConfig.etcd must be a section"},
        Refusal{"sourceConfig: {etcd: {enableTLS: maybe}}",
                "sourceConfig.etcd.enableTLS must be true or false"},
        Refusal{"sourceConfig: {etcd: {address: {a: b}}}",
                "sourceConfig.etcd.address must be a list"},
        Refusal{"sourceConfig: {etcd: {address: []}}", "sourceConfig.etcd.address is empty"},
        Refusal{"sourceConfig: {etcd: {password: [secret]}}", "sourceConfig.etcd.password"},
        Refusal{"metaStoreConfig: {storeType: etcd, etcd: {address: ''}}",
                "metaStoreConfig.etcd.address is empty"},
        Refusal{"metaStoreConfig: {etcd: {enableAuth: 1}}",
                "line 1, column 38: metaStoreConfig.etcd.enableAuth must be true or false"},
        Refusal{"metaStoreConfig: {etcd: 5}", "metaStoreConfig.etcd must be a section"},
        Refusal{"metaStoreConfig: {etcd: {password: [secret]}}", "metaStoreConfig.etcd.password"},
        Refusal{"metaStoreConfig: {storeType: MySQL}",
                "metaStoreConfig.mysqlSourceUrl has no slash before the database"},
        Refusal{"metaStoreConfig: {storeType: mysql, mysqlSourceUrl: 'u:p@tcp(h:x)/d'}",
                "metaStoreConfig.mysqlSourceUrl has a port that is not from 1 to 65535"},
        Refusal{"metaStoreConfig: {storeType: x}", "storeType can be sqlite, etcd or mysql, got x"},
        Refusal{"sourceConfig: {kafka: {saslPassword: [secret]}}",
                "sourceConfig.kafka.saslPassword must be a text"},
        Refusal{"sourceConfig: {kafka: {consumer: 5}}", "kafka.consumer must be a section"},
        Refusal{"sourceConfig: {woodpecker: {storage: {type: local}}}",
                "sourceConfig.woodpecker.experimental must be true"},
        Refusal{"sourceConfig: {woodpecker: {experimental: true, storage: {type: minio}}}",
                "storage.type minio needs sourceConfig.storage"},
        Refusal{"sourceConfig: {woodpecker: {experimental: true, storage: {type: x}}}",
                "sourceConfig.woodpecker.storage.type can be minio (default) or local, got x"},
        Refusal{"sourceConfig: {kafka: {address: k}, woodpecker: {experimental: true, storage: "
                "{type: local}}}",
                "exclude each other: a source has one queue"},
        Refusal{"sourceConfig: {kafka: {consumer: {a: {b: secret}}}}",
                "kafka.consumer must be a section with keys, with one value each"},
        Refusal{"sourceConfig: {pulsar: {authParams: secret}}",
                "sourceConfig.pulsar.authParams must be key:value"},
        Refusal{"sourceConfig: {pulsar: {authParams: 'token:a,:secret'}}",
                "sourceConfig.pulsar.authParams must be key:value"},
        Refusal{"testing: {killAt: after_send}", "testing.killAt must be a fault point"},
        Refusal{"testing: {killAt: 'after_send:'}", "testing.killAt must be a fault point"},
        Refusal{"testing: {killAt: 'after_send:0'}", "testing.killAt must be a fault point"},
        Refusal{"testing: {killAt: 'after_send:1x'}", "testing.killAt must be a fault point"},
        Refusal{"testing: {killAt: ':1'}", "testing.killAt must be a fault point"},
        Refusal{"replicateID: x", "replicateID is not supported yet"}));

TEST(ConfigTest, TicksOfAPausedStandby) {
  EXPECT_TRUE(ParseConfig("", "c")->config.keep_ticking_when_paused);
  const auto loaded = ParseConfig("replicate: {keepTickingWhenPaused: false}", "c");
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  EXPECT_FALSE(loaded->config.keep_ticking_when_paused);
  EXPECT_TRUE(loaded->values.warnings().empty());
}

TEST(ConfigTest, FolderInsteadOfAFile) {
  const TempDir dir;
  EXPECT_EQ(LoadConfig(dir.path()).status().code(), StatusCode::kInvalidArgument);
}

TEST(ConfigTest, WhoMayUseTheApi) {
  EXPECT_THAT(MustParse("").config.http.tokens, IsEmpty());
  EXPECT_THAT(MustParse("http: {token: one}").config.http.tokens, ElementsAre("one"));
  const TempDir dir;
  const std::string file = dir.File("tokens");
  std::ofstream(file) << "new\nold\n";
  const HttpConfig http =
      MustParse("http: {tokenFile: " + file +
                ", openMetrics: true, maxConnections: 99, requestTimeoutSeconds: 3, maxBodyBytes: "
                "5000}")
          .config.http;
  EXPECT_THAT(http.tokens, ElementsAre("new", "old"));
  EXPECT_TRUE(http.open_metrics);
  EXPECT_EQ(http.max_connections, 99);
  EXPECT_EQ(http.request_timeout_seconds, 3);
  EXPECT_EQ(http.max_body_bytes, 5000);
}

TEST(ConfigTest, TlsOfTheApi) {
  const HttpTlsOptions tls =
      MustParse("http: {tls: {certPath: c, keyPath: k, clientCAPath: a, minVersion: 1.3}}")
          .config.http.tls;
  EXPECT_EQ(tls.cert_path, "c");
  EXPECT_EQ(tls.key_path, "k");
  EXPECT_EQ(tls.client_ca_path, "a");
  EXPECT_TRUE(tls.tls_1_3_only);
  const std::string off = "http: {tls: {certPath: '', keyPath: '', minVersion: '1.2'}}";
  EXPECT_FALSE(MustParse(off).config.http.tls.tls_1_3_only);
  const std::pair<const char*, const char*> cases[] = {
      {"certPath: c", "http.tls.keyPath is missing"},
      {"keyPath: k", "http.tls.certPath is missing"},
      {"clientCAPath: a", "http.tls.certPath is missing"},
      {"minVersion: 1.1", "http.tls.minVersion must be 1.2 or 1.3"}};
  for (const auto& [text, error] : cases) {
    const auto parsed = ParseConfig(std::string("http: {tls: {") + text + "}}", "cdc.yaml");
    EXPECT_THAT(parsed.status().message(), HasSubstr(error)) << text;
  }
}

TEST(ConfigTest, AWrongHttpSectionIsNoOpenOne) {
  const std::pair<const char*, const char*> cases[] = {
      {"token: ' , '", "http.token is empty"},
      {"tokenFile: /dev/null", "http.tokenFile is empty"},
      {"token: 'a b!'", "http.token may only have letters"},
      {"tokenFile: /nowhere/token", "http.tokenFile"},
      {"maxConnections: 3", "http.maxConnections must be from 16 to"},
      {"requestTimeoutSeconds: 0", "http.requestTimeoutSeconds must be from 1 to"},
      {"maxBodyBytes: 1", "http.maxBodyBytes must be from"}};
  for (const auto& [text, error] : cases) {
    const auto parsed = ParseConfig(std::string("http: {") + text + "}", "cdc.yaml");
    EXPECT_THAT(parsed.status().message(), HasSubstr(error)) << text;
  }
  const auto parsed = ParseConfig("", "cdc.yaml", {{"MILVUS_CDC_HTTP_TOKEN", ""}});
  EXPECT_THAT(parsed.status().message(), HasSubstr("MILVUS_CDC_HTTP_TOKEN is empty"));
}

}  // namespace
}  // namespace cdc
