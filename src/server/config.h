#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "base/status.h"

namespace cdc {

// How to reach the source's etcd and where Milvus keeps its metadata there.
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
};

// The source's Kafka. Empty texts: not said.
struct KafkaConfig {
  std::string address;
  std::string sasl_username;
  std::string sasl_password;
  std::string sasl_mechanisms;
  std::string security_protocol;
  std::map<std::string, std::string> consumer;  // settings of librdkafka by their own names
};

// For tests of our own, see CONTRIBUTING.md.
struct TestingConfig {
  std::string kill_at;  // a fault point; empty: none
  int kill_at_pass = 0;
  bool forget_doubts = false;
};

// What cdc.yaml says; each default is what holds where it says nothing.
struct Config {
  std::string address = "0.0.0.0:8444";
  int max_task_num = 100;
  int max_name_length = 256;
  std::string log_level = "info";
  std::string sqlite_path = "./cdc.db";
  EtcdConfig source_etcd;
  // The message queue is Kafka if it has an address, else RocksMQ.
  KafkaConfig kafka;
  std::string rocksmq_path = "/var/lib/milvus/rdb_data";
  std::string replicate_channel = "by-dev-replicate-msg";
  BackoffOptions retry;                  // of calls to a target
  bool keep_ticking_when_paused = true;  // a standby, so that it goes on answering
  TestingConfig testing;
};

struct LoadedConfig {
  Config config;
  std::vector<std::string> warnings;
};

// Reads the text of a configuration; keys match in any letter case. What this version cannot do is
// refused, an unknown key is a warning.
//
// kInvalidArgument: the text is no YAML (with line and column), a value has the wrong type or no
// meaning (with its key). `name` stands at the begin of each message.
Result<LoadedConfig> ParseConfig(const std::string& text, const std::string& name);

// As above, of a file; a file that does not exist counts as empty.
Result<LoadedConfig> LoadConfig(const std::string& path);

}  // namespace cdc
