#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/testing/lab_broker.h"

namespace cdc {

// A real Pulsar broker (tests/lab/pulsar.py); the destructor removes it and its data. Use it from
// one thread.
class PulsarProcess {
 public:
  // Returns once it is ready. `root` is the project's folder. kNotFound: ./dev setup was not run.
  static Result<std::unique_ptr<PulsarProcess>> Start(const std::string& root);

  Status Kill() { return broker_->Kill(); }  // kill -9
  Status Restart();                          // after Kill, on its data

  // Removes all records that the topic holds, as its retention would.
  Status Forget(const std::string& topic);
  // The broker gives the topic up, and clients have to look for it again.
  Status Unload(const std::string& topic);
  // The subscriptions of the topic that outlive their client.
  Result<std::string> Durable(const std::string& topic);

  const std::string& address() const { return address_; }
  const std::string& ssl_address() const { return ssl_address_; }
  const std::string& authority() const { return authority_; }  // of the certificate's issuer, PEM
  const std::string& token() const { return token_; }

 private:
  PulsarProcess() = default;

  std::unique_ptr<LabBroker> broker_;
  std::string address_;
  std::string ssl_address_;
  std::string authority_;
  std::string token_;
};

// Writes to topics by the library that the log has loaded, as Milvus does.
class PulsarProducer {
 public:
  // pulsar_compression_type
  enum class Compression { kNone = 0, kLz4 = 1, kZstd = 3 };

  // `topic` with its persistent://. Aborts if anything fails, as the other methods.
  PulsarProducer(const std::string& address,
                 const std::string& topic,
                 Compression compression,
                 bool batching);
  ~PulsarProducer();
  PulsarProducer(const PulsarProducer&) = delete;
  PulsarProducer& operator=(const PulsarProducer&) = delete;

  // With batching, the values are one entry. Returns once they are stored.
  void Write(const std::vector<std::string>& values,
             const std::map<std::string, std::string>& properties = {});

 private:
  void* client_ = nullptr;
  void* producer_ = nullptr;
};

}  // namespace cdc
