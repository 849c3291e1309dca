#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "base/testing/lab_broker.h"

namespace cdc {

// A real Kafka broker (tests/lab/kafka.py); the destructor removes it and its data. Use it from one
// thread.
class KafkaProcess {
 public:
  // Returns once it listens. `root` is the project's folder. kNotFound: ./dev setup was not run.
  static Result<std::unique_ptr<KafkaProcess>> Start(const std::string& root);

  Status Kill() { return broker_->Kill(); }  // kill -9
  Status Restart();                          // after Kill, on its data

  const std::string& address() const { return address_; }            // without password
  const std::string& sasl_address() const { return sasl_address_; }  // SASL_PLAINTEXT, PLAIN
  const std::string& ssl_address() const { return ssl_address_; }
  const std::string& authority() const { return authority_; }  // of the certificate's issuer, PEM

  static constexpr const char* kUser = "cdc";
  static constexpr const char* kPassword = "cdc-password";

 private:
  KafkaProcess() = default;

  std::unique_ptr<LabBroker> broker_;
  std::string address_;
  std::string sasl_address_;
  std::string ssl_address_;
  std::string authority_;
};

}  // namespace cdc
