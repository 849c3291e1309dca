#include "kafka/testing/kafka_process.h"

#include <sstream>

namespace cdc {

Result<std::unique_ptr<KafkaProcess>> KafkaProcess::Start(const std::string& root) {
  std::unique_ptr<KafkaProcess> process(new KafkaProcess);
  CDC_ASSIGN_OR_RETURN(process->broker_, LabBroker::Launch(root, "lab.kafka", "kafka-3.9.1"));
  CDC_RETURN_IF_ERROR(process->Restart());
  return process;
}

Status KafkaProcess::Restart() {
  CDC_ASSIGN_OR_RETURN(const std::string answer, broker_->Start());
  std::istringstream(answer) >> address_ >> sasl_address_ >> ssl_address_ >> authority_;
  return OkStatus();
}

}  // namespace cdc
