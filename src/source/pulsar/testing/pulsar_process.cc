#include "source/pulsar/testing/pulsar_process.h"

#include <array>
#include <filesystem>
#include <sstream>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

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
  const std::string python = root + "/.cache/venv/bin/python";
  if (access(python.c_str(), X_OK) != 0 ||
      !std::filesystem::exists(root + "/.cache/pulsar-2.11.0/.stamp")) {
    return NotFoundError("no Pulsar, run ./dev setup");
  }
  std::unique_ptr<PulsarProcess> process(new PulsarProcess);
  CDC_RETURN_IF_ERROR(process->Launch(root, python));
  CDC_RETURN_IF_ERROR(process->Restart());
  return process;
}

Status PulsarProcess::Launch(const std::string& root, const std::string& python) {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) {
    return InternalError("cannot make a pipe");
  }
  const std::string folder = root + "/tests";
  process_ = fork();
  if (process_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    if (chdir(folder.c_str()) == 0) {
      execl(python.c_str(), python.c_str(), "-B", "-m", "lab.pulsar", nullptr);
    }
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  to_ = in[1];
  from_ = out[0];
  return process_ < 0 ? InternalError("cannot start " + python) : OkStatus();
}

PulsarProcess::~PulsarProcess() {
  // When its input ends, it stops the broker and removes the data.
  close(to_);
  close(from_);
  if (process_ > 0) {
    waitpid(process_, nullptr, 0);
  }
}

Result<std::string> PulsarProcess::Command(const std::string& line) {
  const std::string text = line + "\n";
  if (write(to_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return InternalError("the broker's process has ended");
  }
  std::string answer;
  for (char c = 0; read(from_, &c, 1) == 1;) {
    if (c == '\n') {
      return answer;
    }
    answer += c;
  }
  return InternalError("the broker's process has ended");
}

Status PulsarProcess::Kill() { return Command("kill").status(); }

Status PulsarProcess::Restart() {
  CDC_ASSIGN_OR_RETURN(const std::string answer, Command("start"));
  std::istringstream words(answer);
  std::string ready;
  words >> ready >> address_ >> ssl_address_ >> authority_ >> token_;
  return ready == "ready" ? OkStatus() : InternalError("the broker did not start: " + answer);
}

Status PulsarProcess::Forget(const std::string& topic) {
  return Command("forget " + topic).status();
}

Status PulsarProcess::Unload(const std::string& topic) {
  return Command("unload " + topic).status();
}

Result<std::string> PulsarProcess::Durable(const std::string& topic) {
  return Command("durable " + topic);
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
