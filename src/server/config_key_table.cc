#include "server/config_key_table.h"

#include <array>

namespace cdc {
namespace {

using Text = std::string_view;

constexpr Text kEmpty = "\"\"";

constexpr ConfigKey Section(Text path, Text about) {
  return {.path = path, .type = ConfigKeyType::kSection, .default_value = {}, .about = about};
}
constexpr ConfigKey AText(Text path, Text default_value, Text about) {
  return {
      .path = path, .type = ConfigKeyType::kText, .default_value = default_value, .about = about};
}
constexpr ConfigKey Secret(Text path, Text about) {
  return {.path = path, .type = ConfigKeyType::kSecret, .default_value = kEmpty, .about = about};
}
constexpr ConfigKey Integer(Text path, Text default_value, Text about) {
  return {.path = path,
          .type = ConfigKeyType::kInteger,
          .default_value = default_value,
          .about = about};
}
constexpr ConfigKey Bool(Text path, Text default_value, Text about) {
  return {
      .path = path, .type = ConfigKeyType::kBool, .default_value = default_value, .about = about};
}
constexpr ConfigKey List(Text path, Text default_value, Text about) {
  return {
      .path = path, .type = ConfigKeyType::kList, .default_value = default_value, .about = about};
}
constexpr ConfigKey Map(Text path, Text about) {
  return {.path = path, .type = ConfigKeyType::kMap, .default_value = "{}", .about = about};
}
// `why` follows "path has no effect: ".
constexpr ConfigKey Unused(Text path, Text why) {
  return {
      .path = path, .type = ConfigKeyType::kText, .default_value = {}, .about = why, .used = false};
}

constexpr auto kTable = std::to_array<ConfigKey>({
    AText("address", "0.0.0.0:8444", "where the HTTP API listens"),
    Integer("maxTaskNum", "100", "how many tasks there may be"),
    Integer("maxNameLength", "256", "the longest name of a database or collection, in bytes"),
    AText("logLevel", "info", "debug, info, warn or error; `maintenance` changes it while running"),
    Section("log", "where the log goes, besides standard output"),
    AText("log.path", kEmpty, "a file; empty: none. Its folder is created"),
    Integer("log.maxSizeMB", "100", "a larger file becomes an older one, `cdc.1.log`"),
    Integer("log.maxFiles", "5", "how many older files are kept"),
    AText("log.format", "text", "text, or json: an object per line, also on standard output"),
    AText("response",
          "compatible",
          "compatible: POST /cdc always answers with HTTP 200, and the `code` in the body tells; "
          "real_status: that code is the HTTP status, too"),
    Section("http", "who may use the HTTP API, and how much of it (docs/security.md)"),
    Secret("http.token",
           "clients need it as `Authorization: Bearer …`, except for /healthz and /readyz; several "
           "are separated by commas or lines, for a change of tokens. Empty: none is needed"),
    Bool("http.openMetrics", "false", "true: metrics need no token and no client certificate"),
    Section("http.tls",
            "HTTPS instead of HTTP, if there is a certificate. Files that change are read again"),
    AText("http.tls.certPath", kEmpty, "the server's certificate, PEM, followed by its chain"),
    AText("http.tls.keyPath", kEmpty, "its private key, PEM, not encrypted"),
    AText("http.tls.clientCAPath",
          kEmpty,
          "PEM; clients need a certificate that one of these authorities has signed, except for "
          "/healthz and /readyz. Empty: they need none"),
    AText("http.tls.minVersion", "1.2", "the oldest version of TLS: 1.2 or 1.3"),
    Integer("http.maxConnections",
            "0",
            "of clients at once, from 16; 0: a quarter of the files this process may open, at most "
            "512"),
    Integer("http.requestTimeoutSeconds",
            "60",
            "how long a client may take to send a request's body; of its header at most 10 s"),
    Integer("http.maxBodyBytes", "8388608", "the largest body of a request"),
    AText("replicateID", kEmpty, "not supported yet: anything but an empty text is refused"),
    Bool("dryRun",
         "false",
         "true: tasks read and plan, but change nothing on their targets and save no position "
         "(docs/dry-run.md)"),
    Bool("experimental",
         "false",
         "true: allows what is not proven in all cases yet (docs/experimental.md)"),
    Unused("detectDeadLock", "locks are checked by the tests of this program"),
    Unused("batchMode", "a reader that is far behind reads as much as the memory limits allow"),
    Unused("enableReverse", "a switch-over is made with tasks, see docs/switchover.md"),
    Unused("reverseMilvus", "a switch-over is made with tasks, see docs/switchover.md"),
    Unused("currentMilvus", "a switch-over is made with tasks, see docs/switchover.md"),
    Unused("packer", "batches are formed by bytes and time, there is nothing to set"),

    Section("retry", "how a call to a target that fails for a passing reason is repeated"),
    Integer("retry.initBackOff", "0", "seconds before the first repeat, doubled each time; 0: 0.1"),
    Integer("retry.maxBackOff", "0", "the longest wait in seconds; 0: 10"),
    Unused("retry.retryTimes",
           "a call is repeated until it succeeds or the task is paused, so that nothing is lost"),

    Section("replicate", "targets that are standbys"),
    Bool("replicate.keepTickingWhenPaused",
         "true",
         "whether a standby whose tasks are all paused gets ticks, without which it does not "
         "answer queries"),

    Section("snapshot", "the copies of what the source has stored (`start_from: snapshot`)"),
    Integer("snapshot.maxParallel", "2", "threads of one task that read, 1 to 64"),
    Integer("snapshot.maxBytesPerSecond", "0", "of all copies together, as sent; 0: no limit"),
    Integer("snapshot.queueHoldsMinutes",
            "4320",
            "how long the source's queue keeps a record; copies that need more than half of it "
            "apply the log meanwhile (docs/snapshot.md)"),

    Section("metaStoreConfig", "where tasks and their checkpoints are kept"),
    AText("metaStoreConfig.storeType",
          "sqlite",
          "sqlite: in a file; etcd; mysql (docs/metastore.md)"),
    AText("metaStoreConfig.keyFile",
          kEmpty,
          "a file with keys that encrypt the passwords and tokens of tasks; empty: they are stored "
          "in clear (docs/metastore.md)"),
    AText("metaStoreConfig.sqlitePath", "./cdc.db", "the file"),
    AText(
        "metaStoreConfig.rootPath", kEmpty, "etcd and mysql: stores with different ones are apart"),
    Secret("metaStoreConfig.mysqlSourceUrl",
           "with `storeType: mysql`: user:password@tcp(host:port)/database?tls=true"),
    Section("metaStoreConfig.etcd", "with `storeType: etcd`"),
    List("metaStoreConfig.etcd.address", "[127.0.0.1:2379]", "host:port, with or without http://"),
    Bool("metaStoreConfig.etcd.enableAuth", "false", "use the user name and password"),
    AText("metaStoreConfig.etcd.username", kEmpty, ""),
    Secret("metaStoreConfig.etcd.password", ""),
    Bool("metaStoreConfig.etcd.enableTLS", "false", ""),
    AText("metaStoreConfig.etcd.tlsCertPath",
          kEmpty,
          "for servers that ask for a client certificate"),
    AText("metaStoreConfig.etcd.tlsKeyPath", kEmpty, "its key"),
    AText("metaStoreConfig.etcd.tlsCACertPath", kEmpty, "empty: the system's certificates"),
    AText(
        "metaStoreConfig.etcd.tlsMinVersion",
        kEmpty,
        "the oldest version of TLS that is accepted: 1.2 (also if it is 1.0, 1.1 or empty) or 1.3"),
    Unused("metaStoreConfig.etcd.rootPath", "the store has metaStoreConfig.rootPath"),
    Unused("metaStoreConfig.etcd.metaSubPath", "the store has metaStoreConfig.rootPath"),
    List("metaStoreConfig.etcdEndpoints",
         "",
         "the older form of `etcd`: replaces that whole section"),

    Section("sourceConfig", "the Milvus that is read"),
    AText("sourceConfig.replicateChan",
          "by-dev-replicate-msg",
          "the channel in which the source announces flushes, and passwords: "
          "`{msgChannel.chanNamePrefix.cluster}-{…replicateMsg}`"),
    Section("sourceConfig.etcd", "its etcd"),
    List("sourceConfig.etcd.address", "[127.0.0.1:2379]", "host:port, with or without http://"),
    AText("sourceConfig.etcd.rootPath", "by-dev", "`etcd.rootPath` of the source"),
    AText("sourceConfig.etcd.metaSubPath", "meta", "`etcd.metaSubPath` of the source"),
    Bool("sourceConfig.etcd.enableAuth", "false", "use the user name and password"),
    AText("sourceConfig.etcd.username", kEmpty, ""),
    Secret("sourceConfig.etcd.password", ""),
    Bool("sourceConfig.etcd.enableTLS", "false", ""),
    AText("sourceConfig.etcd.tlsCertPath", kEmpty, "for servers that ask for a client certificate"),
    AText("sourceConfig.etcd.tlsKeyPath", kEmpty, "its key"),
    AText("sourceConfig.etcd.tlsCACertPath", kEmpty, "empty: the system's certificates"),
    AText(
        "sourceConfig.etcd.tlsMinVersion",
        kEmpty,
        "the oldest version of TLS that is accepted: 1.2 (also if it is 1.0, 1.1 or empty) or 1.3"),
    List("sourceConfig.etcdAddress",
         "",
         "the older form: replaces `etcd.address`, and makes the next two count"),
    AText("sourceConfig.etcdRootPath", "", "the older form of `etcd.rootPath`"),
    AText("sourceConfig.etcdMetaSubPath", "", "the older form of `etcd.metaSubPath`"),

    Section("sourceConfig.rocksmq", "the source's queue, unless one of the next three is set"),
    AText("sourceConfig.rocksmq.path",
          "/var/lib/milvus/rdb_data",
          "`rocksmq.path` of a standalone source on this machine"),
    Section("sourceConfig.kafka", "the queue, if it has an address"),
    AText("sourceConfig.kafka.address", kEmpty, "host:port, several separated by commas"),
    AText("sourceConfig.kafka.saslUsername",
          kEmpty,
          "with it the next ones are PLAIN and SASL_SSL unless they say otherwise"),
    Secret("sourceConfig.kafka.saslPassword", ""),
    AText("sourceConfig.kafka.saslMechanisms", kEmpty, "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"),
    AText("sourceConfig.kafka.securityProtocol",
          kEmpty,
          "PLAINTEXT, SASL_PLAINTEXT, SASL_SSL or SSL"),
    Map("sourceConfig.kafka.consumer",
        "further settings of librdkafka, e.g. `ssl.ca.location: /etc/kafka/ca.pem`"),
    Unused("sourceConfig.kafka.producer", "nothing is written to the source's queue"),
    Section("sourceConfig.pulsar", "the queue, if it has an address"),
    AText("sourceConfig.pulsar.address", kEmpty, "pulsar://host:port or pulsar+ssl://host:port"),
    AText("sourceConfig.pulsar.tenant", "public", ""),
    AText("sourceConfig.pulsar.namespace", "default", ""),
    AText("sourceConfig.pulsar.authPlugin", kEmpty, "token, tls, basic, oauth2 or athenz"),
    Secret("sourceConfig.pulsar.authParams",
           "`key:value`, several separated by commas, e.g. `file:/etc/pulsar/token`"),
    AText("sourceConfig.pulsar.tlsCACertPath", kEmpty, "empty: the system's certificates"),
    AText("sourceConfig.pulsar.library",
          kEmpty,
          "libpulsar.so of Apache's package apache-pulsar-client; empty: it is searched for"),
    Unused("sourceConfig.pulsar.webAddress", "Pulsar's web service is not needed"),
    Unused("sourceConfig.pulsar.webPort", "Pulsar's web service is not needed"),
    Unused("sourceConfig.pulsar.maxMessageSize", "messages are read whatever their size"),
    Section("sourceConfig.woodpecker", "the queue, if its storage has a type"),
    Bool("sourceConfig.woodpecker.experimental",
         "false",
         "true: needed to read it (docs/versions.md)"),
    Section("sourceConfig.woodpecker.storage", "where its files are"),
    AText("sourceConfig.woodpecker.storage.type",
          kEmpty,
          "`woodpecker.storage.type` of the source: minio, the bucket of `sourceConfig.storage`, "
          "or local"),
    AText("sourceConfig.woodpecker.storage.rootPath",
          "default",
          "local: `woodpecker.storage.rootPath` of the source; default: the folder wp in "
          "`sourceConfig.storage.path`"),
    Section("sourceConfig.woodpecker.meta", "its keys in etcd"),
    AText("sourceConfig.woodpecker.meta.prefix", "woodpecker", "what they begin with"),
    Unused("sourceConfig.woodpecker.meta.type", "it is always etcd"),
    Unused("sourceConfig.woodpecker.client", "it is about writing to the queue"),
    Unused("sourceConfig.woodpecker.logstore", "it is about the service that writes the queue"),

    Section("sourceConfig.storage",
            "the files of its segments: for tasks with `start_from: snapshot`, and Woodpecker"),
    AText("sourceConfig.storage.type",
          kEmpty,
          "local, s3 (MinIO, AWS S3 and the like), azure or gcs; empty: none"),
    AText("sourceConfig.storage.path",
          "/var/lib/milvus/data",
          "local: `localStorage.path` of the source"),
    AText("sourceConfig.storage.address",
          kEmpty,
          "s3: host:port; empty: AWS, by region. azure: empty, or e.g. core.chinacloudapi.cn"),
    AText("sourceConfig.storage.bucketName", "a-bucket", "`minio.bucketName` of the source"),
    AText("sourceConfig.storage.rootPath", "files", "`minio.rootPath` of the source"),
    AText("sourceConfig.storage.accessKeyID",
          kEmpty,
          "azure: the account. Empty: what the environment provides, e.g. IAM"),
    Secret("sourceConfig.storage.secretAccessKey", "azure: the account's key"),
    Secret("sourceConfig.storage.gcpCredentialJSON",
           "gcs: of a service account. Empty: what the environment provides"),
    Bool("sourceConfig.storage.useSSL", "", "not set: true with azure and gcs, else false"),
    AText("sourceConfig.storage.sslCACert", kEmpty, "empty: the system's certificates"),
    AText("sourceConfig.storage.region", kEmpty, ""),
    Bool("sourceConfig.storage.useVirtualHost", "false", "the bucket is part of the host's name"),

    Section("sourceConfig.milvus",
            "the source's Milvus itself, for tasks that read rows by queries (`snapshot.from: "
            "query`)"),
    AText("sourceConfig.milvus.address", kEmpty, "host:port, or a URI like https://host:port"),
    AText("sourceConfig.milvus.username",
          kEmpty,
          "needs the privileges DescribeCollection and Query"),
    Secret("sourceConfig.milvus.password", ""),
    Secret("sourceConfig.milvus.token", "an API key instead of the two above"),
    Bool("sourceConfig.milvus.enableTLS", "false", ""),
    AText("sourceConfig.milvus.tlsServerName",
          kEmpty,
          "in the server's certificate, if it is not the host of the address"),
    AText(
        "sourceConfig.milvus.tlsCertPath", kEmpty, "for servers that ask for a client certificate"),
    AText("sourceConfig.milvus.tlsKeyPath", kEmpty, "its key"),
    AText("sourceConfig.milvus.tlsCACertPath", kEmpty, "empty: the system's certificates"),
    Unused("sourceConfig.readChanLen", "waiting rows are limited in bytes, not by queue lengths"),
    Unused("sourceConfig.channelNum", "the source's channels are found in its etcd"),
    Unused("sourceConfig.timeTickInterval", "a standby gets a tick every 250 ms"),
    Unused("sourceConfig.defaultPartitionName", "the default partition is found in the catalog"),

    Section("testing", "for our own tests, see CONTRIBUTING.md"),
    Bool("testing.forgetDoubts", "false", "breaks what a crash needs: rows are doubled"),
    AText("testing.killAt", kEmpty, "`<fault point>:<pass>`: the server kills itself there"),
});

}  // namespace

std::span<const ConfigKey> ConfigKeyTable() { return kTable; }

}  // namespace cdc
