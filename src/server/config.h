#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "base/status.h"
#include "http/http_server.h"
#include "metastore/mysql/mysql_options.h"
#include "server/config_values.h"

namespace cdc {

// How to reach an etcd; of the source's also where Milvus keeps its metadata in it.
struct EtcdConfig {
  std::vector<std::string> address{"127.0.0.1:2379"};
  std::string root_path = "by-dev";
  std::string meta_sub_path = "meta";
  bool enable_auth = false;
  std::string username;
  std::string password;
  bool enable_tls = false;
  std::string tls_cert_path;
  std::string tls_key_path;
  std::string tls_ca_cert_path;
  bool tls_13_only = false;  // else TLS 1.2, too
};

// The source's Kafka. Empty strings: not set.
struct KafkaConfig {
  std::string address;
  std::string sasl_username;
  std::string sasl_password;
  std::string sasl_mechanisms;
  std::string security_protocol;
  std::map<std::string, std::string> consumer;  // settings of librdkafka by their own names
};

// The source's Pulsar. Empty strings: not set.
struct PulsarConfig {
  std::string address;  // pulsar://host:port or pulsar+ssl://host:port
  std::string tenant = "public";
  std::string name_space = "default";
  std::string auth_plugin;
  std::map<std::string, std::string> auth_params;
  std::string tls_ca_cert_path;
  std::string library;  // Apache's client, libpulsar.so
};

// The source's Woodpecker, the queue that a Milvus 2.6 has by default.
struct WoodpeckerConfig {
  bool enabled = false;
  bool objects = false;   // in the bucket of StorageConfig; else in a folder
  std::string root_path;  // of the folder; empty: below the path of StorageConfig
  std::string meta_prefix = "woodpecker";
};

// Where the source keeps the files of its segments.
struct StorageConfig {
  enum class Type { kNone, kLocal, kS3, kAzure, kGcs };
  Type type = Type::kNone;
  std::string path = "/var/lib/milvus/data";  // kLocal
  // The others: MinIO, AWS S3 and the like; a container of Azure; a bucket of Google.
  std::string address;  // kS3: host:port. Empty: AWS, by region; Azure's; Google's
  std::string bucket = "a-bucket";
  std::string root_path = "files";
  std::string access_key_id;        // kAzure: the account
  std::string secret_access_key;    // kAzure: its key
  std::string gcp_credential_json;  // kGcs
  bool use_ssl = false;             // by default only with kAzure and kGcs
  std::string ssl_ca_cert;
  std::string region;
  bool use_virtual_host = false;
};

// Copies of what a source has stored (start_from: snapshot).
struct SnapshotConfig {
  int max_parallel = 2;              // threads of one task that read
  int queue_holds_minutes = 4320;    // how long the source's queue keeps a record
  int64_t max_bytes_per_second = 0;  // of all copies together; 0: without limit
};

// The source's Milvus itself, which is asked for rows only if a task wants it.
struct SourceMilvusConfig {
  std::string address;  // host:port or a URI; empty: not set
  std::string username;
  std::string password;
  std::string token;  // an API key, or user:password
  bool enable_tls = false;
  std::string tls_server_name;
  std::string tls_cert_path;
  std::string tls_key_path;
  std::string tls_ca_cert_path;
};

// For our own tests, see CONTRIBUTING.md.
struct TestingConfig {
  std::string kill_at;  // a fault point; empty: none
  int kill_at_pass = 0;
  bool forget_doubts = false;
};

// Where tasks and their progress are kept.
struct MetaStoreConfig {
  enum class Type { kSqlite, kEtcd, kMysql };
  Type type = Type::kSqlite;
  std::string sqlite_path = "./cdc.db";
  // kEtcd: below <root_path>/milvus-cdc. Its own paths are not used.
  EtcdConfig etcd;
  MysqlOptions mysql;     // kMysql
  std::string root_path;  // kEtcd, kMysql
  std::string key_file;   // with which secrets are encrypted; empty: they are not
};

// Beside standard output.
struct LogConfig {
  std::string path;       // of a file; empty: none
  int max_size_mb = 100;  // then it becomes an older one
  int max_files = 5;      // older ones that are kept
  bool json = false;      // each line is a JSON object, also on standard output
};

// The listener of the HTTP API.
struct HttpConfig {
  HttpTlsOptions tls;
  std::vector<std::string> tokens;  // one of them is needed; empty: none
  bool open_metrics = false;        // without a token
  int max_connections = 0;          // 0: as many as the limit of open files suggests
  int request_timeout_seconds = 60;
  int64_t max_body_bytes = int64_t{8} << 20;
};

// The content of cdc.yaml; members keep their defaults where it has no value.
struct Config {
  std::string address = "0.0.0.0:8444";
  int max_task_num = 100;
  int max_name_length = 256;
  std::string log_level = "info";
  LogConfig log;
  HttpConfig http;
  bool real_status = false;  // HTTP statuses of POST /cdc; else it is always 200
  MetaStoreConfig meta_store;
  EtcdConfig source_etcd;
  // The message queue is Woodpecker if its storage has a type, Pulsar or Kafka if that has an
  // address, else RocksMQ.
  WoodpeckerConfig woodpecker;
  PulsarConfig pulsar;
  KafkaConfig kafka;
  std::string rocksmq_path = "/var/lib/milvus/rdb_data";
  StorageConfig storage;
  SnapshotConfig snapshot;
  SourceMilvusConfig source_milvus;
  std::string replicate_channel = "by-dev-replicate-msg";
  BackoffOptions retry;                  // of calls to a target
  bool keep_ticking_when_paused = true;  // for standbys, so that they keep answering
  bool dry_run = false;                  // no task changes anything on its target
  bool experimental = false;             // see docs/experimental.md
  TestingConfig testing;
};

struct LoadedConfig {
  Config config;
  ConfigValues values;  // what was given, with warnings and notes
};

// Parses a configuration; keys match in any letter case. Variables of the environment take
// precedence over it. Settings this version does not support are refused; an unknown key is a
// warning.
//
// kInvalidArgument: not YAML, or values of the wrong type or without meaning: a line for each, with
// the line and column in `name`, or the variable, and the key.
Result<LoadedConfig> ParseConfig(const std::string& text,
                                 const std::string& name,
                                 const Environment& environment = {});

// As above, from a file; a missing file counts as empty.
Result<LoadedConfig> LoadConfig(const std::string& path, const Environment& environment = {});

}  // namespace cdc
