#include "source/pulsar/testing/pulsar_process.h"

#include <sstream>

#include "source/pulsar/pulsar_library.h"

namespace cdc {
namespace {

// A function of the library that only tests call.
template <class Function>
Function* Symbol(const char* name) {
  auto* function = reinterpret_cast<Function*>(PulsarLibrary::Symbol(name));
  CDC_CHECK(function != nullptr);
  return function;
}

}  // namespace

Result<std::unique_ptr<PulsarProcess>> PulsarProcess::Start(const std::string& root) {
  std::unique_ptr<PulsarProcess> process(new PulsarProcess);
  CDC_ASSIGN_OR_RETURN(process->broker_, LabBroker::Launch(root, "lab.pulsar", "pulsar-2.11.0"));
  CDC_RETURN_IF_ERROR(process->Restart());
  return process;
}

Status PulsarProcess::Restart() {
  CDC_ASSIGN_OR_RETURN(const std::string answer, broker_->Start());
  std::istringstream(answer) >> address_ >> ssl_address_ >> authority_ >> token_;
  return OkStatus();
}

Status PulsarProcess::Forget(const std::string& topic) {
  return broker_->Command("forget " + topic).status();
}

Status PulsarProcess::Unload(const std::string& topic) {
  return broker_->Command("unload " + topic).status();
}

Result<std::string> PulsarProcess::Durable(const std::string& topic) {
  return broker_->Command("durable " + topic);
}

PulsarProducer::PulsarProducer(const std::string& address,
                               const std::string& topic,
                               Compression compression,
                               bool batching) {
  const auto library = PulsarLibrary::Load("");
  CDC_CHECK(library.ok());
  pulsar_client_configuration* conf = (*library)->client_configuration_create();
  client_ = (*library)->client_create(address.c_str(), conf);
  (*library)->client_configuration_free(conf);
  void* settings = Symbol<void*()>("pulsar_producer_configuration_create")();
  Symbol<void(void*, int)>("pulsar_producer_configuration_set_compression_type")(
      settings, static_cast<int>(compression));
  Symbol<void(void*, int)>("pulsar_producer_configuration_set_batching_enabled")(settings,
                                                                                 batching ? 1 : 0);
  // A batch ends when it is flushed.
  Symbol<void(void*, unsigned long)>(
      "pulsar_producer_configuration_set_batching_max_publish_delay_ms")(settings, 10'000);
  CDC_CHECK(Symbol<int(void*, const char*, void*, void**)>("pulsar_client_create_producer")(
                client_, topic.c_str(), settings, &producer_) == kPulsarOk);
  Symbol<void(void*)>("pulsar_producer_configuration_free")(settings);
}

PulsarProducer::~PulsarProducer() {
  Symbol<int(void*)>("pulsar_producer_close")(producer_);
  Symbol<void(void*)>("pulsar_producer_free")(producer_);
  Symbol<void(void*)>("pulsar_client_free")(client_);
}

void PulsarProducer::Write(const std::vector<std::string>& values,
                           const std::map<std::string, std::string>& properties) {
  for (const std::string& value : values) {
    void* message = Symbol<void*()>("pulsar_message_create")();
    Symbol<void(void*, const void*, size_t)>("pulsar_message_set_content")(message, value.data(),
                                                                           value.size());
    for (const auto& [name, text] : properties) {
      Symbol<void(void*, const char*, const char*)>("pulsar_message_set_property")(
          message, name.c_str(), text.c_str());
    }
    Symbol<void(void*, void*, void (*)(int, void*, void*), void*)>("pulsar_producer_send_async")(
        producer_, message,
        [](int result, void* id, void* /*context*/) {
          CDC_CHECK(result == kPulsarOk);
          Symbol<void(void*)>("pulsar_message_id_free")(id);
        },
        nullptr);
    Symbol<void(void*)>("pulsar_message_free")(message);
  }
  CDC_CHECK(Symbol<int(void*)>("pulsar_producer_flush")(producer_) == kPulsarOk);
}

}  // namespace cdc
